import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { BusinessOfMachines } from '../helpers/business.ts'

test('a spoiled file comes back in its place: at once where the machine allows it, elsewhere after a yes on the machine, and never without', async () => {
  await using business = await BusinessOfMachines.open()
  const files = business.folder.join('files')
  const till = await business.machine('till', { include: files })
  const bill = join(files, 'bill.txt')
  mkdirSync(files)
  writeFileSync(bill, 'forty-two')
  writeFileSync(join(files, 'letter.txt'), 'dear Anna')
  const snapshot = await business.backUp(till)
  const inPlace = { snapshot, paths: [bill], to: { how: 'in place' } }

  writeFileSync(bill, 'spoiled')
  const asked = await business.restore(till, inPlace)
  assert.match(
    (await business.setAside(asked)).progress?.step ?? '',
    /^waiting for a yes on the machine \(understudy agent approve\): /,
  )
  assert.equal(readFileSync(bill, 'utf8'), 'spoiled')
  assert.match(
    (await till.approve()).words,
    new RegExp(`${asked} .*bill.txt of snapshot ${snapshot.slice(0, 8)} in its`),
  )
  assert.equal((await till.approve(asked)).code, 0)
  assert.equal((await business.over(asked)).state, 'done')
  assert.equal(readFileSync(bill, 'utf8'), 'forty-two')
  assert.match((await till.approve(asked)).words, /RESTORE_NOT_WAITING/, 'a yes is for one restore')

  writeFileSync(bill, 'spoiled again')
  writeFileSync(join(files, 'letter.txt'), 'newer than the snapshot')
  writeFileSync(join(till.data, 'allowed-restores'), `# of the bakery\n${files}\n`)
  assert.equal((await business.over(await business.restore(till, inPlace))).state, 'done')
  assert.equal(readFileSync(bill, 'utf8'), 'forty-two')
  assert.equal(readFileSync(join(files, 'letter.txt'), 'utf8'), 'newer than the snapshot')

  const { id, result } = await business.over(await business.restore(till, { snapshot }))
  const restored = String(result?.['folder'])
  assert.equal(restored, join(till.data, 'restores', `restored-${id}`))
  assert.equal(readFileSync(join(restored, files, 'letter.txt'), 'utf8'), 'dear Anna')
  const evidence = await business.ask<{ id: string; measured: { scope: string } }[]>('/api/evidence?kind=restore')
  assert.equal(evidence.find((one) => one.id === id)?.measured.scope, 'whole')

  const nothing = await business.over(await business.restore(till, { snapshot, paths: ['/not/there'] }))
  assert.deepEqual([nothing.state, nothing.code], ['failed', 'NOT_FOUND'])
  const half = await business.over(await business.restore(till, { snapshot, paths: [bill, '/not/there'] }))
  assert.equal(half.state, 'warnings')
  assert.match(half.reason ?? '', /\/not\/there: It is not in the snapshot/)

  // Whoever changes the machine's list has no signature for what is put in.
  const list = readFileSync(join(till.data, 'snapshots.jsonl'), 'utf8')
  writeFileSync(join(till.data, 'snapshots.jsonl'), list.replace(/"signature":"..../, '"signature":"AAAA'))
  writeFileSync(bill, 'spoiled')
  const unsigned = await business.setAside(await business.restore(till, inPlace))
  assert.match(unsigned.progress?.step ?? '', /this machine has not signed the snapshot/)
  assert.equal(readFileSync(bill, 'utf8'), 'spoiled')
  await business.ask(`/api/operations/${unsigned.id}/cancel`, {})
  assert.match((await till.approve(unsigned.id)).words, /SERVER_REFUSED/)
  assert.ok(existsSync(bill))
})

test('a machine is lost: its data comes back on another, which reads and nothing more; and a new one takes its place and its history', async () => {
  await using business = await BusinessOfMachines.open()
  const files = business.folder.join('files')
  mkdirSync(files)
  writeFileSync(join(files, 'bill.txt'), 'forty-two')
  const lost = await business.machine('lost', { include: files })
  const snapshot = await business.backUp(lost)
  const spare = await business.machine('spare')
  await lost.stop()
  await business.ask(`/api/machines/${lost.id}/revoke`, {})

  const { state, result, id } = await business.over(await business.restore(spare, { from: lost.id }))
  assert.equal(state, 'done')
  const restored = join(String(result?.['folder']), files, 'bill.txt')
  assert.equal(readFileSync(restored, 'utf8'), 'forty-two')
  assert.equal(existsSync(join(spare.data, 'other-repository.location')), false, 'the credential does not stay')
  const [measured] = await business.ask<{ id: string; measured: { machine: string } }[]>('/api/evidence?kind=restore')
  assert.deepEqual([measured?.id, measured?.measured.machine], [id, spare.id])
  const owners = { from: lost.id, withOwners: true }
  const waits = await business.setAside(await business.restore(spare, owners))
  assert.match(waits.progress?.step ?? '', /has not signed the snapshot/)

  const { line } = await business.ask<{ line: string }>(`/api/machines/${lost.id}/replace`, {})
  const heir = await business.machine('heir', { line })
  assert.equal(heir.id, lost.id)
  const old = await business.over(await business.restore(heir, { snapshot }))
  assert.equal(readFileSync(join(String(old.result?.['folder']), files, 'bill.txt'), 'utf8'), 'forty-two')
  const { policy } = lost
  const next = await business.over(
    (await business.ask<{ id: string }>(`/api/machines/${heir.id}/backup`, { policy })).id,
  )
  assert.equal(next.result?.['filesUnmodified'], 1, 'the history goes on')
})
