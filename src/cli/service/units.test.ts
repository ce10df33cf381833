import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { tempFolder } from '../../../test/helpers/temp.ts'
import { agentUnit, serverUnit, unitMark } from './units.ts'
import type { Unit } from './units.ts'

const command = [process.execPath, '/usr/lib/under study/100%/$HOME/bin/understudy.js']
const agentData = '/var/lib/understudy/agent'
const serverData = '/var/lib/understudy/server'

const agents: Readonly<Record<string, Unit>> = {
  'reads only': agentUnit({ command, data: agentData, write: [], may: [] }),
  'dumps databases': agentUnit({ command, data: agentData, write: [], may: ['databases'] }),
  'restores, too': agentUnit({
    command,
    data: agentData,
    write: ['/srv', '/mnt/a "b"'],
    may: ['databases', 'restores'],
  }),
  'may do everything': agentUnit({ command, data: '/opt/agent', write: [], may: ['everything'] }),
}
const servers: Readonly<Record<string, Unit>> = {
  'as it is': serverUnit({ command, data: serverData, write: [], flags: [] }),
  'elsewhere, at port 443': serverUnit({
    command,
    data: '/opt/100% server',
    write: ['/mnt/back ups'],
    flags: ['--listen', '0.0.0.0:443', '--storage', '/mnt/back ups'],
  }),
}

const skip = !existsSync('/usr/bin/systemd-analyze') && 'not on this machine: systemd-analyze'

async function analyse(unit: Unit, ...args: readonly string[]) {
  await using folder = await tempFolder()
  const path = folder.join(unit.file)
  writeFileSync(path, unit.text)
  const { status, stdout, stderr } = spawnSync('systemd-analyze', [...args, path], { encoding: 'utf8' })
  return { status, output: stdout + stderr }
}

for (const [what, unit] of [...Object.entries(agents), ...Object.entries(servers)]) {
  test(`systemd understands the unit of ${unit.file}: ${what}`, { skip }, async () => {
    const { status, output } = await analyse(unit, 'verify', '--man=no')
    // Of other units of this machine it may say what it likes.
    const complaints = output.split('\n').filter((line) => line.includes(unit.file))
    assert.deepEqual([status, complaints], [0, []])
  })
}

/** Exposure as systemd counts it, from 0.0 to 10.0. A unit that says nothing has 9.6. */
for (const [what, unit, most] of [
  ['an agent that reads only', agents['reads only'], 3],
  ['an agent that dumps databases', agents['dumps databases'], 3.5],
  ['an agent that restores, too', agents['restores, too'], 4],
  ['a server', servers['as it is'], 2.5],
] as const) {
  test(`${what} is exposed no further than it must be`, { skip }, async () => {
    const { output } = await analyse(unit as Unit, 'security', '--offline=yes', '--no-pager')
    const exposure = Number(/exposure level[^\d]*(\d+\.\d)/.exec(output)?.[1])
    assert.ok(exposure <= most, output.split('\n').at(-2))
  })
}

function valuesOf(unit: Unit | undefined, name: string): readonly string[] {
  const lines = unit?.text.split('\n') ?? []
  return lines.flatMap((line) => (line.startsWith(`${name}=`) ? [line.slice(name.length + 1)] : []))
}

test('an agent has the rights of its work only, and writes into the folders that are named', () => {
  assert.deepEqual(valuesOf(agents['reads only'], 'CapabilityBoundingSet'), ['CAP_DAC_READ_SEARCH'])
  assert.deepEqual(valuesOf(agents['reads only'], 'ReadWritePaths'), [])
  assert.deepEqual(valuesOf(agents['restores, too'], 'ReadWritePaths'), [String.raw`/srv "/mnt/a \"b\""`])
  const [rights = ''] = valuesOf(agents['restores, too'], 'CapabilityBoundingSet')
  assert.deepEqual(new Set(rights.split(' ')).size, rights.split(' ').length)
  assert.ok(rights.includes('CAP_FOWNER') && rights.includes('CAP_SETUID') && !rights.includes('CAP_SYS'))
  for (const unit of Object.values(agents)) assert.deepEqual(valuesOf(unit, 'PrivateTmp'), [], 'it is to back /tmp up')
})

test('a server has no right of root, but for a port below 1024', () => {
  assert.deepEqual(valuesOf(servers['as it is'], 'CapabilityBoundingSet'), [''])
  assert.deepEqual(valuesOf(servers['as it is'], 'AmbientCapabilities'), [])
  for (const flags of [['--listen', '0.0.0.0:443'], ['--listen=[::]:443']]) {
    const unit = serverUnit({ command, data: serverData, write: [], flags })
    assert.deepEqual(valuesOf(unit, 'AmbientCapabilities'), ['CAP_NET_BIND_SERVICE'])
  }
})

test('nothing in a path is a variable or a specifier for systemd', () => {
  const [line] = valuesOf(agents['reads only'], 'ExecStart')
  assert.ok(line?.includes('"/usr/lib/under study/100%%/$$HOME/bin/understudy.js" agent run --data'), line)
  assert.ok(Object.values(agents).every(({ text }) => text.startsWith(unitMark)))
})
