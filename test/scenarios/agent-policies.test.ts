import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Business } from '../helpers/business-of-one.ts'
import { missing, peer } from '../helpers/peers.ts'
import { runOk } from '../helpers/run.ts'
import { mainModule } from '../helpers/serving.ts'
import { missingSshd, startSshd } from '../helpers/sshd.ts'

test('hooks of the machine run around a backup, and one that fails keeps it from being called good', async () => {
  await using business = await Business.open()
  const { folder } = business
  mkdirSync(folder.join('files'))
  writeFileSync(folder.join('files', 'bill.txt'), 'forty-two')
  mkdirSync(folder.join('hooks'), { mode: 0o755 })
  const hook = (name: string, script: string) =>
    writeFileSync(folder.join('hooks', name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  hook('note', `echo "$UNDERSTUDY_HOOK $UNDERSTUDY_POLICY" >> "\${0%/*}/../log"`)
  hook('bad', 'echo the till is busy >&2; exit 4')
  hook('print', 'echo all that the till knows')
  const what = { include: [folder.join('files')], hookDumps: [{ hook: 'print' }] }
  const policy = await business.policy({ what: { ...what, hooks: { before: 'note', after: 'note' } } })
  business.startAgent('--hooks', folder.join('hooks'))
  const first = await business.backUp(policy)
  assert.deepEqual([first.state, first.reason], ['done', null])
  assert.equal(readFileSync(folder.join('log'), 'utf8'), 'before Files\nafter Files\n')
  type Known = { dump: { measured: { outcome: string; bytes: number } } }
  const [database] = await business.ask<Known[]>(`/api/machines/${business.machine}/databases`)
  assert.deepEqual([database?.dump.measured.outcome, database?.dump.measured.bytes], ['good', 24])

  await business.change(policy, { what: { ...what, hooks: { before: 'bad', after: 'note', onFailure: 'note' } } })
  const second = await business.backUp(policy)
  assert.deepEqual([second.state, second.code], ['failed', 'HOOK_FAILED'])
  assert.match(second.reason ?? '', /the till is busy/)
  assert.match(readFileSync(folder.join('log'), 'utf8'), /failure Files\nafter Files\n$/)

  await business.change(policy, { what: { ...what, volumeSnapshot: 'required' } })
  const third = await business.backUp(policy)
  // A hook's dump is no file of a volume; what is required is not there on the disk of a test, or it was taken.
  assert.ok(third.state === 'done' || third.code === 'NO_VOLUME_SNAPSHOT', JSON.stringify(third))
  await business.stopAgent()
})

test(
  'a machine that takes no software is read by the agent beside it, into snapshots with its name',
  { skip: missing('rclone') || missingSshd() },
  async () => {
    await using sshd = await startSshd()
    mkdirSync(join(sshd.folder, 'tree'))
    writeFileSync(join(sshd.folder, 'tree', 'job.nc'), 'G0 X1')
    writeFileSync(join(sshd.folder, 'tree', 'job.tmp'), 'x')
    const [type, key] = readFileSync(join(sshd.folder, 'host.pub'), 'utf8').split(' ')
    await using business = await Business.open()
    const access = {
      kind: 'sftp',
      host: '127.0.0.1',
      port: sshd.port,
      user: userInfo().username,
      privateKey: readFileSync(sshd.key, 'utf8'),
      hostKeys: [`${type} ${key}`],
    }
    const body = { name: 'press-4', readBy: business.machine, access }
    const device = await business.ask<{ id: string; kind: string }>(`/api/clients/${business.client}/devices`, body)
    assert.equal(device.kind, 'appliance')
    const shown = JSON.stringify(await business.ask(`/api/machines/${device.id}/device`))
    assert.ok(!shown.includes('PRIVATE KEY'))
    const policy = await business.policy(
      { what: { include: [join(sshd.folder, 'tree')], exclude: ['*.tmp'] } },
      device.id,
    )
    const hooked = { what: { include: ['/x'], hooks: { before: 'a' } } }
    await assert.rejects(business.change(policy, hooked), /what\.hooks/)
    business.startAgent('--rclone', peer('rclone'))
    const { state, reason, result } = await business.backUp(policy, device.id)
    assert.deepEqual([state, reason], ['done', null])
    const args = business.repositoryFlags()
    const target = business.folder.join('back')
    const snapshotId = String(result?.['snapshotId'])
    await runOk(process.execPath, [mainModule, 'restore', ...args, '--target', target, '--host', 'press-4', snapshotId])
    assert.equal(readFileSync(join(target, sshd.folder, 'tree', 'job.nc'), 'utf8'), 'G0 X1')
    assert.ok(!existsSync(join(target, sshd.folder, 'tree', 'job.tmp')))
    await business.stopAgent()
  },
)
