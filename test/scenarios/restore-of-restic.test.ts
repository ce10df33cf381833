import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

import { LocalBackend } from '../../src/backend/index.ts'
import { openFileTarget } from '../../src/filesystem/index.ts'
import { loadIndex, loadSnapshots, openRepository, RepositoryReader } from '../../src/repository/index.ts'
import { executeRestore, findSubtree, planRestore, verifyRestored } from '../../src/restorer/index.ts'
import { compareTrees } from '../helpers/compare-trees.ts'
import { makeTree } from '../helpers/make-tree.ts'
import { missing, peer } from '../helpers/peers.ts'
import { runOk } from '../helpers/run.ts'

const seed = Number(process.env['UNDERSTUDY_TEST_SEED'] ?? Date.now() % 1_000_000)
const asRoot = process.geteuid?.() === 0 ? false : 'needs root'

test(
  'what restic backed up comes back with every byte and all metadata',
  { skip: missing('restic') || asRoot },
  async (t) => {
    t.diagnostic(`seed ${seed}`)
    const folder = fs.mkdtempSync(join(tmpdir(), 'understudy-restore-'))
    t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
    const [original, location, target] = ['original', 'repository', 'target'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ]
    makeTree(original, { seed, biggest: 4_000_000, files: 200 })
    const env = { RESTIC_PASSWORD: 'secret', RESTIC_REPOSITORY: location, RESTIC_CACHE_DIR: join(folder, 'cache') }
    await runOk(peer('restic'), ['init'], { env })
    await runOk(peer('restic'), ['backup', original], { env })

    await using backend = new LocalBackend(location)
    const repository = await loadIndex(await openRepository(backend, { password: 'secret' }))
    await using reader = new RepositoryReader(repository, { threads: 2 })
    const [snapshot] = await loadSnapshots(repository)
    const root = Buffer.from(snapshot?.tree ?? '')
    const tree = await findSubtree(reader, { tree: root, path: Buffer.from(original) })
    await using disk = openFileTarget(target, { sparse: true })
    const plan = await planRestore(reader, { tree }, disk)
    const result = await executeRestore(reader, plan, disk)
    assert.deepEqual(result.failed.listed, [])
    assert.deepEqual(result.warnings, [])
    assert.deepEqual((await verifyRestored(reader, plan, result, disk)).problems.listed, [])
    // restic's own restore makes no hard links of symlinks; its backup keeps what is needed for them.
    assert.deepEqual(compareTrees(original, target, { ignore: ['root'] }), [])
    const again = await planRestore(reader, { tree }, disk)
    assert.deepEqual(
      [again.counts.new, again.counts.changed, again.counts.links, again.counts.bytesToWrite],
      [0, 0, 0, 0],
    )
  },
)
