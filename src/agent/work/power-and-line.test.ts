import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { test } from 'node:test'
import { tempFolder } from '../../../test/helpers/temp.ts'
import { askPowerAndLine } from './power-and-line.ts'

/** A folder that stands for a machine, with these files of the kernel's. */
async function machine(files: Readonly<Record<string, string>>) {
  const folder = await tempFolder()
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(folder.join(path)), { recursive: true })
    writeFileSync(folder.join(path), `${text}\n`)
  }
  return folder
}

const supply = 'sys/class/power_supply'
const battery = (status: string, capacity: string) => ({
  [`${supply}/BAT0/type`]: 'Battery',
  [`${supply}/BAT0/status`]: status,
  [`${supply}/BAT0/capacity`]: capacity,
})

async function powerOf(files: Readonly<Record<string, string>>) {
  await using root = await machine(files)
  return await askPowerAndLine({ battery: true, line: false, root: root.path })
}

test('a battery counts while the machine runs on it, and not on mains, while it charges, or in a mouse', async () => {
  assert.equal((await powerOf(battery('Discharging', '41'))).batteryPercent, 41)
  assert.equal((await powerOf(battery('Charging', '41'))).batteryPercent, undefined)
  const mains = { [`${supply}/AC/type`]: 'Mains', [`${supply}/AC/online`]: '1' }
  assert.equal((await powerOf({ ...battery('Discharging', '41'), ...mains })).batteryPercent, undefined)
  const mouse = { ...battery('Discharging', '5'), [`${supply}/BAT0/scope`]: 'Device' }
  assert.deepEqual(await powerOf(mouse), { unknown: [] })
  assert.deepEqual(await powerOf({ [`${supply}/empty`]: '' }), { unknown: [] })
})

test('what a machine cannot tell of its power is said, and is no charge', async () => {
  assert.deepEqual(await powerOf({}), { unknown: ['whether it runs on its battery'] })
  assert.deepEqual(await powerOf(battery('Discharging', 'much')), { unknown: ['whether it runs on its battery'] })
})

const header = 'Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask'
const routes = `${header}\nlan0\t0000A8C0\t0\t1\t0\t0\t0\t00FFFFFF\nwwan0\t00000000\t0\t3\t0\t0\t0\t00000000`

async function lineOf(script: string, files: Readonly<Record<string, string>> = { 'proc/net/route': routes }) {
  await using root = await machine(files)
  await using program = await tempFolder()
  writeFileSync(program.join('nmcli'), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  return await askPowerAndLine({ battery: false, line: true, root: root.path, nmcli: program.join('nmcli') })
}

test('whether the line is paid for by use is asked of the one that the default route takes', async () => {
  const ofDevice = 'test "$5" = wwan0 && echo "yes (guessed)"'
  assert.deepEqual(await lineOf(ofDevice), { unknown: [], meteredLine: true })
  assert.deepEqual(await lineOf('echo no'), { unknown: [], meteredLine: false })
})

test('a line of which nobody can say whether it is paid for by use is no reason to rest, and that is said', async () => {
  const unknown = { unknown: ['whether its line is paid for by use'] }
  assert.deepEqual(await lineOf('echo unknown'), unknown)
  assert.deepEqual(await lineOf('exit 8'), unknown)
  assert.deepEqual(await lineOf('echo yes', { 'proc/net/route': header }), unknown)
  await using root = await machine({ 'proc/net/route': routes })
  const nmcli = '/no/such/nmcli'
  assert.deepEqual(await askPowerAndLine({ battery: false, line: true, root: root.path, nmcli }), unknown)
})
