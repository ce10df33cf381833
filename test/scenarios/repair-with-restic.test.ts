/** Repairs against restic's: the same damage gives the same trees, and restic finds nothing wrong afterwards. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { missing, peer } from '../helpers/peers.ts'
import { runOk } from '../helpers/run.ts'
import { Twins, flipIn, largestPack } from '../helpers/twins.ts'

const skip = missing('restic')
let twins: Twins

before(async () => {
  if (!skip) twins = await Twins.open()
})

after(async () => await twins?.[Symbol.asyncDispose]())

test('snapshots that miss a pack become the same trees as with restic', { skip }, async () => {
  twins.begin((repository) => rmSync(largestPack(repository)))
  const early = await twins.scene.tryUnderstudy('repair', 'snapshots')
  assert.match(early.stderr, /INDEX_INCOMPLETE/)
  await twins.scene.understudy('repair', 'index')
  await twins.restic('repair', 'index')
  const told = await twins.scene.understudy('repair', 'snapshots', '--forget')
  assert.match(told, /file .*song\.iso: .* are left/)
  await twins.restic('repair', 'snapshots', '--forget')
  await twins.assertSame()
  await twins.scene.assertSound()
})

test(
  'a damaged pack: what is intact is saved, and the snapshots become the same trees as with restic',
  { skip },
  async () => {
    let name = ''
    twins.begin((repository) => {
      const path = largestPack(repository)
      name = path.slice(-64)
      flipIn(path, 100)
    })
    const repaired = await twins.understudy('repair', 'packs', name)
    assert.equal(repaired.code, 0, repaired.stderr)
    assert.ok(existsSync(`${twins.scene.folder}/pack-${name}`))
    rmSync(`${twins.scene.folder}/pack-${name}`)
    await twins.restic('repair', 'packs', name)
    await twins.scene.understudy('repair', 'snapshots', '--forget')
    await twins.restic('repair', 'snapshots', '--forget')
    await twins.assertSame()
    await twins.scene.assertSound()
  },
)

test('a new backup after the repair of a pack brings back what is still at the source', { skip }, async () => {
  twins.begin((repository) => flipIn(largestPack(repository), 100))
  await twins.understudy('repair', 'packs', largestPack(twins.scene.repository).slice(-64))
  await twins.scene.understudy('backup', twins.scene.source, '--host', 'here', '--force')
  assert.match(await twins.scene.understudy('repair', 'snapshots'), /no snapshots were modified/)
  await twins.scene.assertSound()
})

test('without any index the repository is whole again after a repair, for restic of any age', { skip }, async () => {
  twins.begin((repository) => {
    rmSync(`${repository}/index`, { recursive: true })
    mkdirSync(`${repository}/index`)
  })
  // Nobody may hear that nothing needs the packs, when all do.
  const { stdout } = await twins.scene.tryUnderstudy('check')
  assert.match(stdout, /are in no index\.\n  They may hold what is missing/)
  await twins.scene.understudy('repair', 'index')
  await twins.scene.assertSound()
  if (!missing('restic-0.14')) await twins.scene.assertSound('restic-0.14')
  const [newest] = (await twins.scene.snapshots()).slice(-1)
  await twins.scene.assertRestores(newest?.id ?? '')
})

test('what was forgotten is recovered, as by restic', { skip }, async () => {
  twins.begin()
  const [first] = await twins.scene.snapshots()
  await twins.scene.understudy('forget', first?.id ?? '')
  await twins.restic('forget', first?.id ?? '')
  await twins.scene.understudy('recover')
  await twins.restic('recover')
  const foldersOf = async (repository: string) => {
    const env = { ...twins.scene.env, RESTIC_REPOSITORY: repository }
    const listing = await runOk(peer('restic'), ['ls', 'latest', '--tag', 'recovered'], { env })
    return listing.split('\n').filter((line) => line.startsWith('/'))
  }
  assert.deepEqual(await foldersOf(twins.scene.repository), await foldersOf(twins.theirs))
  await twins.scene.assertSound()
})
