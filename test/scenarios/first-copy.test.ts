import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { BusinessOfMachines } from '../helpers/business.ts'
import type { SeenOperation } from '../helpers/business.ts'
import { run, runOk } from '../helpers/run.ts'
import { mainModule } from '../helpers/serving.ts'

interface Stored {
  readonly id: string
  readonly state: string
}

test('a first copy travels by disk: the server takes it in whole or not at all, and the next backup sends only what has changed', async () => {
  await using business = await BusinessOfMachines.open()
  const { folder } = business
  const files = folder.join('files')
  mkdirSync(files)
  for (const name of ['one', 'two', 'three', 'four']) writeFileSync(join(files, name), randomBytes(3 << 20))
  const till = await business.machine('till', { include: files })
  const disk = folder.join('disk')
  const firstCopy = [mainModule, 'agent', 'first-copy', '--json', '--data', till.data, disk]
  assert.match((await run(process.execPath, firstCopy)).stderr, /FIRST_COPY_PLACE/, 'a disk that is not mounted')
  mkdirSync(disk)
  const made = JSON.parse((await runOk(process.execPath, firstCopy)).trim().split('\n').at(-1) ?? '') as {
    readonly snapshots: readonly string[]
  }
  const { repositoryId } = JSON.parse(readFileSync(join(till.data, 'repository.json'), 'utf8')) as {
    readonly repositoryId: string
  }
  const stored = async () => await business.ask<Stored[]>(`/api/repositories/${repositoryId}/snapshots`)
  assert.deepEqual(await stored(), [], 'nothing but keys has gone over the line')

  const take = async (from: string) =>
    await business.over(
      (await business.ask<SeenOperation>(`/api/machines/${till.id}/take-first-copy`, { folder: from })).id,
    )
  cpSync(disk, folder.join('half'), { recursive: true })
  rmSync(folder.join('half', 'repository', 'index'), { recursive: true })
  const half = await take(folder.join('half'))
  assert.deepEqual([half.state, half.code], ['failed', 'FIRST_COPY_INCOMPLETE'])
  assert.deepEqual(await stored(), [])

  const taken = await take(disk)
  assert.equal(taken.state, 'done', JSON.stringify(taken))
  assert.deepEqual(
    (await stored()).map(({ id, state }) => [id, state]),
    made.snapshots.map((id) => [id, 'received']),
  )
  const again = await take(disk)
  assert.deepEqual(
    [again.state, again.result?.['files'], (await stored()).length],
    ['done', 1, 1],
    'only the snapshot is held against what is there',
  )

  writeFileSync(join(files, 'five'), 'what came after')
  const { id } = await business.ask<SeenOperation>(`/api/machines/${till.id}/backup`, { policy: till.policy })
  const { state, result } = await business.over(id)
  assert.deepEqual([state, result?.['filesUnmodified'], result?.['filesNew']], ['done', 4, 1])
  assert.ok(Number(result?.['bytesAdded']) < 100_000, `${String(result?.['bytesAdded'])} bytes went over the line`)

  rmSync(join(files, 'one'))
  const restored = await business.over(await business.restore(till, { snapshot: made.snapshots[0] }))
  assert.equal(restored.state, 'done', JSON.stringify(restored))
  const back = join(String(restored.result?.['folder']), files)
  assert.deepEqual(readFileSync(join(back, 'two')), readFileSync(join(files, 'two')))
  const check = await business.over((await business.ask<SeenOperation>(`/api/machines/${till.id}/check`, {})).id)
  assert.equal(check.state, 'done', JSON.stringify(check))
})
