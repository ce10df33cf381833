/** What the commands that look into snapshots say, compared with restic's word for word. */
import assert from 'node:assert/strict'
import { appendFileSync, chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { printable } from '#base'
import { makeTree } from '../helpers/make-tree.ts'
import { missing } from '../helpers/peers.ts'
import { Scene } from '../helpers/scene.ts'
import { testSeed } from '../helpers/seed.ts'

const skip = missing('restic')

let scene: Scene
/** Ids of two snapshots of the source, which was changed in between. */
let first: string
let second: string

before(async () => {
  if (skip !== false) return
  scene = await Scene.open()
  makeTree(scene.source, { seed: testSeed(), files: 12, biggest: 1_500_000, depth: 6 })
  await scene.init('understudy')
  await scene.restic('backup', '--quiet', scene.source)
  changeSource()
  await scene.restic('backup', '--quiet', '--tag', 'changed', scene.source)
  const snapshots = await scene.snapshots()
  ;[first, second] = snapshots.map(({ id }) => id) as [string, string]
})

after(async () => {
  if (skip === false) await scene[Symbol.asyncDispose]()
})

function changeSource(): void {
  const at = (name: string) => `${scene.source}/${name}`
  mkdirSync(at('fresh/inner'), { recursive: true })
  writeFileSync(at('fresh/inner/file'), 'fresh')
  writeFileSync(at('fresh/the same'), Buffer.alloc(100_000, 'abc')) // its blobs are in a folder that stays as it is
  appendFileSync(at('plain/twice the same'), 'more')
  chmodSync(at('only zeros'), 0o600)
  rmSync(at('links'), { recursive: true })
  rmSync(at('names/a case'))
  rmSync(at('modes'), { recursive: true })
  writeFileSync(at('modes'), 'a file where a folder was')
  rmSync(at('sparse'))
  symlinkSync('elsewhere', at('sparse'))
}

/** restic prints what a terminal may act on as it is. */
function safe(text: string): string {
  return text
    .split('\n')
    .map((line) => printable(line, Infinity))
    .join('\n')
}

async function assertSame(args: readonly string[], read: (text: string) => unknown = safe): Promise<void> {
  const [ours, theirs] = await Promise.all([scene.understudy(...args), scene.restic(...args)])
  assert.deepEqual(read(ours), read(theirs), args.join(' '))
}

const parse = (text: string): unknown => JSON.parse(text)
const parseLines = (text: string): unknown => text.trim().split('\n').map(parse)

test('diff tells every change and counts it as restic does', { skip }, async () => {
  await assertSame(['diff', first, second])
  await assertSame(['diff', '--json', '--metadata', first, second], parseLines)
  await assertSame(['diff', '--json', `${first}:${scene.source}/plain`, `${second}:${scene.source}/plain`], parseLines)
  await assertSame(['diff', '--quiet', first, second])
})

test('find finds by name, path, time and kind what restic finds', { skip }, async () => {
  await assertSame(['find', '--json', '*'], parse)
  await assertSame(['find', '-l', '--human-readable', '-R', '-i', 'FILE-1*'])
  await assertSame(['find', '-l', '--tag', 'changed', '/**/fresh'])
  await assertSame(['find', '--json', '-s', first, '/**/links/*'], parse)
  await assertSame(['find', '--json', '--oldest', '2000-01-01', '--newest', '2021-01-01 10:00:00', '*'], parse)
  await assertSame(['find', '--json', 'no such name'], parse)
})

interface FoundObject {
  readonly id: string
  readonly path: string
  readonly parent_tree: string
}

test('find tells what needs a blob, a tree or a pack', { skip }, async () => {
  const [tree] = (await scene.blobs('tree')).slice(3)
  const [blob] = await scene.blobs('data')
  await assertSame(['find', '--json', '--blob', (blob as string).slice(0, 8)], parse)
  // Once a tree has been found, restic does not look for it in other places of the snapshot.
  const ofTree = parse(await scene.restic('find', '--json', '--tree', tree as string)) as FoundObject[]
  const ours = parse(await scene.understudy('find', '--json', '--tree', tree as string)) as FoundObject[]
  for (const object of ofTree) assert.ok(ours.some((found) => JSON.stringify(found) === JSON.stringify(object)))
  const [pack] = scene.packs()
  // It tells a blob as often as the file has it.
  const onceEach = (text: string) => [
    ...new Set((parse(text) as FoundObject[]).map((object) => JSON.stringify(object))),
  ]
  await assertSame(['find', '--json', '--pack', (pack as string).slice(0, 8)], onceEach)
  assert.match(await scene.understudy('find', '--blob', blob as string, '--show-pack-id'), /in pack [0-9a-f]{64}/)
  const unknown = await scene.tryUnderstudy('find', '--pack', '0123456789')
  assert.equal(unknown.code, 1)
  assert.match(unknown.stderr, /OBJECT_NOT_FOUND/)
})

test('stats counts as restic in every mode', { skip }, async () => {
  for (const mode of ['restore-size', 'files-by-contents', 'blobs-per-file', 'raw-data']) {
    await assertSame(['stats', '--json', '--mode', mode], parse)
  }
  const ours = await scene.understudy('stats', '--mode', 'debug', '--no-lock')
  const { stderr } = await scene.tryRestic('stats', '--mode', 'debug', '--no-lock')
  assert.equal(ours.trim(), stderr.replace(/^Collecting.*\n\n/, '').trim())
})

test('list packs of a snapshot tells those that hold what it needs', { skip }, async () => {
  const all = scene.packs().toSorted()
  const listed = async (id: string) => (await scene.understudy('list', 'packs', id)).trim().split('\n')
  const [ofFirst, ofSecond] = await Promise.all([listed(first), listed(second)])
  assert.deepEqual([...new Set([...ofFirst, ...ofSecond])].toSorted(), all)
  assert.ok(ofFirst.length < all.length)
})

test('ls lists, sorts and exports as restic does', { skip }, async () => {
  const folder = `${scene.source}/plain`
  await assertSame(['ls', '--quiet', '-l', first, `${scene.source}/modes`, `${scene.source}/devices`])
  await assertSame(['ls', '--json', '--sort', 'size', '--reverse', second, folder, '--recursive'], parseLines)
  await assertSame(['ls', '--quiet', '--sort', 'extension', '-l', '--human-readable', 'latest', folder])
  await assertSame(['ls', '--ncdu', first], parse)
})

test('ls names a folder that the snapshot does not have, after those that it has', { skip }, async () => {
  const { code, stdout, stderr } = await scene.tryUnderstudy('ls', 'latest', '/no/such/folder', `${scene.source}/modes`)
  assert.equal(code, 1)
  assert.match(stdout, /modes/)
  assert.match(stderr, /The snapshot has no "\/no\/such\/folder"\. \(LS_NOT_FOUND\)/)
})
