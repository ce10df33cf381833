import assert from 'node:assert/strict'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { searchQuerySchema } from '#protocol'
import { cheapenKey } from '../../../test/helpers/cheap-key.ts'
import { missing, peer } from '../../../test/helpers/peers.ts'
import { runOk } from '../../../test/helpers/run.ts'
import { tempFolder } from '../../../test/helpers/temp.ts'
import { openSearchIndex, repositoryAt } from './index.ts'

const password = 'correct horse'
const env = { RESTIC_PASSWORD: password }

test('what restic backed up, tagged and forgot is found as restic tells it', { skip: missing('restic') }, async () => {
  await using folder = await tempFolder()
  const location = folder.join('repository')
  const data = folder.join('data')
  const restic = async (...args: string[]) =>
    await runOk(peer('restic'), ['-r', location, '--no-cache', ...args], { env })
  await restic('init')
  cheapenKey(location, password)
  mkdirSync(`${data}/Büro`, { recursive: true })
  writeFileSync(`${data}/Büro/Angebot 2026.txt`, 'one')
  await restic('backup', '--host', 'office', data)
  writeFileSync(`${data}/Büro/Angebot 2026.txt`, 'another')
  writeFileSync(`${data}/Büro/new.txt`, '')
  await restic('backup', '--host', 'office', data)
  rmSync(`${data}/Büro/Angebot 2026.txt`)
  await restic('backup', '--host', 'office', data)

  const generations = { load: async () => 0, save: async () => undefined, remove: async () => undefined }
  await using index = await openSearchIndex(folder.join('indexes'), { key: Buffer.alloc(32, 5), generations })
  const source = repositoryAt({ location, password })
  const search = async (query: object) =>
    await index.search(searchQuerySchema.parse(query), { repositories: [{ repository: 'r', machine: 'm' }] })
  assert.equal((await index.update('r', source)).added, 3)

  const [found] = (await search({ text: 'buro/angebot' })).files
  assert.equal(found?.path, `${data}/Büro/Angebot 2026.txt`)
  assert.deepEqual(
    found?.versions.map(({ size, recoveryPoints }) => [size, recoveryPoints]),
    [
      [7, 1],
      [3, 1],
    ],
  )
  for (const { first, size } of found?.versions ?? []) {
    const content = await restic('dump', first.snapshot, Buffer.from(found?.rawPath ?? '', 'base64url').toString())
    assert.equal(content.length, size)
  }
  const snapshots = JSON.parse(await restic('snapshots', '--json')) as { id: string }[]
  assert.deepEqual(
    [found?.deleted?.after.snapshot, found?.deleted?.before.snapshot],
    snapshots.slice(1).map(({ id }) => id),
  )

  await restic('tag', '--add', 'kept')
  const tagged = await index.update('r', source)
  assert.deepEqual([tagged.added, tagged.removed, tagged.recoveryPoints], [3, 3, 3])
  assert.equal((await search({ text: 'angebot', recoveryPoints: { tags: ['kept'] } })).files[0]?.versionCount, 2)
  await restic('forget', '--keep-last', '1', '--prune')
  assert.deepEqual([(await index.update('r', source)).removed, (await search({ text: 'angebot' })).total], [2, 0])
  assert.equal((await search({ text: 'new.txt' })).files[0]?.host, 'office')
})
