import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Business, snapshotOf } from '../helpers/business-of-one.ts'
import { runOk } from '../helpers/run.ts'
import { callApi, mainModule } from '../helpers/serving.ts'

test('a machine keeps the password of its repository from the server, which says what does not work then; whoever wrote it down restores', async () => {
  await using business = await Business.openKeepingPassword()
  const { folder, machine, token, serving } = business
  const [, password = ''] = /password of its repository: (\S+)/.exec(business.enrolment) ?? []
  assert.ok(password.length >= 20, business.enrolment)
  mkdirSync(folder.join('files'))
  writeFileSync(folder.join('files', 'bill.txt'), 'forty-two')
  business.startAgent()
  const snapshot = snapshotOf(await business.backUp(await business.policy(folder.join('files'))))

  const shown = await business.ask<{ keepsPassword: boolean; notDone: string[] }>(`/api/machines/${machine}`)
  assert.equal(shown.keepsPassword, true)
  assert.match(shown.notDone.join('\n'), /Retention[^]*Search[^]*test restores[^]*kit/)
  const look = { path: folder.join('files', 'bill.txt'), reason: 'for this test' }
  const refused = await callApi(serving.origin, `/api/machines/${machine}/snapshots/${snapshot}/preview`, {
    token,
    body: look,
  })
  assert.equal((refused.json as { code: string }).code, 'REPOSITORY_PASSWORD_KEPT')

  const server = folder.join('server')
  for (const name of readdirSync(server, { recursive: true, withFileTypes: true })) {
    if (!name.isFile()) continue
    assert.ok(!readFileSync(join(name.parentPath, name.name)).includes(password), name.name)
  }
  const flags = business.repositoryFlags()
  writeFileSync(folder.join('password'), password)
  await runOk(process.execPath, [mainModule, ...flags, 'restore', snapshot, '--target', folder.join('back')])
  assert.equal(readFileSync(folder.join('back', folder.join('files', 'bill.txt')), 'utf8'), 'forty-two')
  await business.stopAgent()
})
