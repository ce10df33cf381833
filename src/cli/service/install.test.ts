import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { tempFolder } from '../../../test/helpers/temp.ts'
import { installUnit } from './install.ts'
import { agentUnit, serverUnit } from './units.ts'

const options = { command: ['/usr/bin/node', '/bin/understudy.js'], data: '/var/lib/understudy/x', write: [] }

async function scene(fails?: string) {
  const folder = await tempFolder()
  const ran: string[] = []
  const run = async (program: string, args: readonly string[]) => {
    const line = [program, ...args].join(' ')
    ran.push(line)
    await Promise.resolve()
    if (fails !== undefined && line.includes(fails)) throw new Error('it did not')
  }
  const places = { units: folder.join('units'), users: folder.join('users'), run }
  return { folder, ran, places }
}

test('a unit is written for all to read, with its user, and started; again, with what is new', async () => {
  const { folder, ran, places } = await scene()
  await using _ = folder
  const unit = serverUnit({ ...options, flags: [] })
  const path = await installUnit(unit, places)
  assert.equal(readFileSync(path, 'utf8'), unit.text)
  assert.equal(statSync(path).mode & 0o777, 0o644)
  assert.match(readFileSync(folder.join('users', 'understudy.conf'), 'utf8'), /^u understudy - /)
  const file = 'understudy-server.service'
  assert.deepEqual(ran, [
    'systemd-sysusers',
    'systemctl daemon-reload',
    `systemctl enable ${file}`,
    `systemctl restart ${file}`,
  ])
  const other = serverUnit({ ...options, flags: ['--log'] })
  await installUnit(other, places)
  assert.equal(readFileSync(path, 'utf8'), other.text)
  assert.deepEqual(readdirSync(folder.join('units')), [file])
})

test('a unit that somebody else wrote stays as it is', async () => {
  const { folder, ran, places } = await scene()
  await using _ = folder
  const unit = agentUnit({ ...options, may: [] })
  const path = await installUnit(unit, places)
  ran.length = 0
  writeFileSync(path, '[Service]\nExecStart=/mine\n')
  await assert.rejects(installUnit(unit, places), { code: 'SERVICE_FOREIGN' })
  assert.deepEqual([readFileSync(path, 'utf8'), ran], ['[Service]\nExecStart=/mine\n', []])
})

test('a service that does not start, and a folder that cannot be written, are one sentence', async () => {
  const { folder, places } = await scene('restart')
  await using _ = folder
  const unit = agentUnit({ ...options, may: [] })
  await assert.rejects(installUnit(unit, places), {
    code: 'SERVICE_NOT_STARTED',
    message: /systemctl restart.*did not/,
  })
  writeFileSync(folder.join('file'), '')
  await assert.rejects(installUnit(unit, { ...places, units: folder.join('file') }), { code: 'OUTPUT_NOT_WRITTEN' })
})
