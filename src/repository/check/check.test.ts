import assert from 'node:assert/strict'
import { test } from 'node:test'
import { JumpingClock } from '../../../test/helpers/jumping-clock.ts'
import { TestRepository } from '../../../test/helpers/build-repository.ts'
import { randomFrom } from '../../../test/helpers/seed.ts'
import { checkRepository } from './check.ts'
import type { CheckOptions, CheckResult } from './check.ts'
import { choosePacks, parseDataSubset } from './subset.ts'
import type { TablePack } from '../pack-table.ts'
import { encodeNode } from '../format/node.ts'
import { encodeTree, openTree } from '../format/tree.ts'
import { loadIndex } from '../load-index.ts'
import { encodeIndexFile } from '../format/index-file.ts'
import { PackTable } from '../pack-table.ts'
import { findUsed } from '../used.ts'

const built = await TestRepository.create()
const { backend, repository } = built
const empty = backend.keep()
const random = randomFrom(11)
const [big, small] = [random.bytes(60_000), random.bytes(9_000)]
const compressible = Buffer.alloc(50_000, 'understudy ')
const snapshots = [
  await built.snapshot({ 'a/big': [big.subarray(0, 30_000), big.subarray(30_000)], 'a/small': small, c: compressible }),
  await built.snapshot({ 'a/big': [big.subarray(0, 30_000), big.subarray(30_000)], 'b/new': random.bytes(5_000) }),
]
const whole = backend.keep()
const table = new PackTable((await loadIndex(repository)).index)
const [dataPack, treePack] = ['data', 'tree'].map((type) => table.packs.find((pack) => pack.type === type)?.name)

async function check(options: Partial<CheckOptions> = {}): Promise<CheckResult> {
  return await checkRepository(repository, { threads: 1, clock: new JumpingClock(), ...options })
}

function kinds({ problems }: CheckResult): string[] {
  return problems.map(({ kind }) => kind)
}

/** `path` of each, once, sorted. */
function touched({ problems }: CheckResult): string[] {
  const paths = problems.flatMap(({ affected }) => affected.paths.map(({ path }) => path.toString()))
  return [...new Set(paths)].toSorted()
}

function change(key: string, act: (bytes: Buffer) => Buffer | void): void {
  const bytes = Buffer.from(backend.files.get(key) as Buffer)
  backend.files.set(key, act(bytes) ?? bytes)
}

function flipAt(at: number): (bytes: Buffer) => void {
  return (bytes) => {
    const place = at < 0 ? bytes.length + at : at
    bytes[place] = (bytes[place] as number) ^ 4
  }
}

test('a sound repository has no problems, and every byte of it is read when asked', async () => {
  backend.bringBack(whole)
  const result = await check({ readData: true })
  assert.deepEqual([result.problems, result.notices], [[], []])
  assert.equal(result.read.packs, table.packs.length)
  assert.equal(
    result.read.bytes,
    table.packs.reduce((sum, { size }) => sum + size, 0),
  )
  assert.equal(result.snapshots, 2)
})

test('every kind of damage to a pack is found, with the files that it touches', async (t) => {
  const damages: [string, (bytes: Buffer) => Buffer | void, string][] = [
    ['a bit of a blob', flipAt(100), 'pack-damaged'],
    ['a bit of the sealed header', flipAt(-20), 'pack-damaged'],
    ['a bit of the length of the header', flipAt(-3), 'pack-damaged'],
    ['cut to nothing', () => Buffer.alloc(0), 'pack-size'],
    ['cut to 1 byte', (bytes) => bytes.subarray(0, 1), 'pack-size'],
    ['cut to 35 bytes', (bytes) => bytes.subarray(0, 35), 'pack-size'],
    ['cut in the middle', (bytes) => bytes.subarray(0, bytes.length >> 1), 'pack-size'],
    ['without its last byte', (bytes) => bytes.subarray(0, -1), 'pack-size'],
    ['with garbage behind', (bytes) => Buffer.concat([bytes, Buffer.alloc(50)]), 'pack-size'],
  ]
  for (const [what, damage, kind] of damages) {
    await t.test(what, async () => {
      backend.bringBack(whole)
      change(`pack/${dataPack}`, damage)
      const result = await check({ readData: true })
      assert.ok(kinds(result).includes(kind), JSON.stringify(kinds(result)))
      assert.ok(result.problems.every(({ file, message }) => file?.name === dataPack && message.endsWith('.')))
    })
  }
})

test('a damaged blob is traced to its files in every snapshot; the others are not named', async () => {
  backend.bringBack(whole)
  const indexed = await loadIndex(repository)
  const id = Buffer.alloc(32)
  repository.codec.primitives.hasher.sha256(big.subarray(0, 30_000), id)
  const entry = indexed.index.find('data', id)
  const pack = indexed.index.packName(indexed.index.packOf(entry)).toString('hex')
  change(`pack/${pack}`, flipAt(indexed.index.offsetOf(entry) + 50))
  const result = await check({ readData: true })
  assert.deepEqual(kinds(result), ['pack-damaged'])
  assert.deepEqual(touched(result), ['/a/big'])
  assert.equal(result.problems[0]?.affected.total, 2)
  assert.deepEqual(
    result.problems[0]?.affected.paths.map(({ snapshot }) => snapshot).toSorted(),
    [...snapshots].toSorted(),
  )
})

test('a missing pack names the files that need it', async () => {
  backend.bringBack(whole)
  backend.files.delete(`pack/${dataPack}`)
  const result = await check({ readData: true })
  assert.deepEqual(kinds(result), ['pack-missing'])
  assert.deepEqual(touched(result), ['/a/big', '/a/small']) // `/c` and `/b/new` lie in other packs
})

test('a missing pack of trees names the folders and snapshots that are lost with it, and nothing twice', async () => {
  backend.bringBack(whole)
  backend.files.delete(`pack/${treePack}`)
  const result = await check()
  assert.deepEqual(kinds(result), ['pack-missing'])
  assert.ok(touched(result).includes('/'))
})

test('a missing index leaves orphaned packs and names what is lost', async () => {
  backend.bringBack(whole)
  const [name] = backend.names('index')
  backend.files.delete(`index/${name}`)
  const result = await check()
  assert.ok(kinds(result).includes('tree-missing') || kinds(result).includes('blobs-missing'))
  assert.equal(result.notices[0]?.kind, 'packs-orphaned')
  assert.ok(touched(result).length > 0)
})

test('damaged index files, snapshots and keys are named', async (t) => {
  for (const type of ['index', 'snapshot', 'key'] as const) {
    await t.test(type, async () => {
      backend.bringBack(whole)
      const [name] = backend.names(type)
      change(`${type}/${name}`, flipAt(30))
      const result = await check()
      const problem = result.problems.find(({ kind }) => kind === `${type}-damaged`)
      assert.deepEqual(problem?.file, { type, name })
    })
  }
})

test('two packs of the same blob, one bad: reported, and no file is lost', async () => {
  backend.bringBack(empty)
  await built.snapshot({ file: small })
  await built.snapshot({ file: small }, { again: true, time: '2026-01-03T00:00:00Z' })
  const data = new PackTable((await loadIndex(repository)).index).packs.filter(({ type }) => type === 'data')
  assert.equal(data.length, 2)
  change(`pack/${data[0]?.name}`, flipAt(60))
  const result = await check({ readData: true })
  assert.deepEqual(kinds(result), ['pack-damaged'])
  assert.equal(result.problems[0]?.affected.total, 0)
  assert.ok(result.notices.some(({ kind }) => kind === 'blobs-duplicate'))
})

test('one pack in two index files is a notice when they agree and damage when they differ', async () => {
  backend.bringBack(whole)
  const { index } = await loadIndex(repository)
  const blobs = (from: number) => {
    const entries = [...table.entriesOf(table.get(dataPack as string)?.place as number)].slice(from)
    return {
      count: entries.length,
      ids: Buffer.concat(entries.map((entry) => index.idOf(entry))),
      types: Uint8Array.from(entries, () => 0),
      offsets: Uint32Array.from(entries, (entry) => index.offsetOf(entry)),
      lengths: Uint32Array.from(entries, (entry) => index.lengthOf(entry)),
      plainLengths: Uint32Array.from(entries, (entry) => index.uncompressedLengthOf(entry)),
    }
  }
  const id = Buffer.from(dataPack as string, 'hex')
  await repository.saveFile('index', encodeIndexFile({ packs: [{ id, blobs: blobs(0) }] }))
  const same = await check({ readData: true })
  assert.deepEqual([kinds(same), same.notices.map(({ kind }) => kind)], [[], ['pack-indexed-twice']])
  backend.bringBack(whole)
  await repository.saveFile('index', encodeIndexFile({ packs: [{ id, blobs: blobs(1) }] }))
  assert.deepEqual(kinds(await check()), ['pack-indexes-differ'])
})

test('a file whose blobs do not add up to its size, and one whose blobs are in no index, are named', async () => {
  backend.bringBack(empty)
  const tree = await built.store({ file: small })
  const indexed = await loadIndex(repository)
  const { loadTree } = await import('../load-blob.ts')
  const [node] = [...(await loadTree(indexed, tree))].map((found) => found.decode())
  assert.ok(node)
  const nodes = [
    { ...node, name: Buffer.from('lacking'), content: Buffer.alloc(32, 7) },
    { ...node, name: Buffer.from('longer'), size: 1_000_000n },
    { ...node, name: Buffer.from('right') },
  ]
  await saveRoot(encodeTree(nodes.map(encodeNode)))
  const result = await check()
  assert.deepEqual(kinds(result).toSorted(), ['blobs-missing', 'file-size'])
  assert.deepEqual(touched(result), ['/lacking', '/longer'])
})

test('a malformed entry is named and does not hide the others', async () => {
  backend.bringBack(empty)
  await built.store({ file: small })
  const bad = '{"name":"bad","type":"dir","mtime":"no time","atime":"x","ctime":"x","uid":0,"gid":0,"content":null}'
  const worse = '{"name":"worse","type":"file","mtime":"2026-01-01T00:00:00Z","atime":"2026-01-01T00:00:00Z",'
  const rest = '"ctime":"2026-01-01T00:00:00Z","uid":0,"gid":0,"content":null}'
  await saveRoot(Buffer.from(`{"nodes":[${bad},${worse}${rest}]}\n`))
  const result = await check()
  assert.deepEqual(kinds(result), ['entry-malformed', 'entry-malformed'])
  assert.deepEqual(touched(result), ['/bad', '/worse'])
})

test('a file of one kind under the name of another kind is not taken for it', async () => {
  backend.bringBack(whole)
  const [index] = backend.names('index')
  backend.files.set(`snapshot/${index}`, backend.files.get(`index/${index}`) as Buffer)
  const result = await check()
  assert.deepEqual(kinds(result), ['snapshot-damaged'])
  assert.deepEqual(result.problems[0]?.file, { type: 'snapshot', name: index })
})

test('an index that lies about the length of a blob, or of a bomb, costs no memory and is found', async () => {
  for (const claimed of [1, 20_000, 0xffff_ffff]) {
    backend.bringBack(empty)
    await built.snapshot({ c: compressible })
    const { index } = await loadIndex(repository)
    const packs = new PackTable(index).packs.map((pack, place) => {
      const entries = [...new PackTable(index).entriesOf(place)]
      const isData = pack.type === 'data'
      return {
        id: Buffer.from(pack.name, 'hex'),
        blobs: {
          count: entries.length,
          ids: Buffer.concat(entries.map((entry) => index.idOf(entry))),
          types: Uint8Array.from(entries, () => (isData ? 0 : 1)),
          offsets: Uint32Array.from(entries, (entry) => index.offsetOf(entry)),
          lengths: Uint32Array.from(entries, (entry) => index.lengthOf(entry)),
          plainLengths: Uint32Array.from(entries, (entry) => (isData ? claimed : index.uncompressedLengthOf(entry))),
        },
      }
    })
    for (const name of backend.names('index')) backend.files.delete(`index/${name}`)
    await repository.saveFile('index', encodeIndexFile({ packs }))
    const result = await check({ readData: true })
    assert.deepEqual(kinds(result).toSorted(), ['file-size', 'pack-damaged'])
    assert.deepEqual(touched(result), ['/c'])
  }
})

test('bytes that are right only when read again are reported all the same', async () => {
  backend.bringBack(whole)
  const { memory } = backend
  const read = memory.read.bind(memory)
  let first = true
  memory.read = async (file, options) => {
    const bytes = await read(file, options)
    if (file.type === 'pack' && file.name === dataPack && first) {
      first = false
      bytes[5] = (bytes[5] as number) ^ 1
    }
    return bytes
  }
  const result = await check({ readData: true })
  assert.deepEqual(kinds(result), ['pack-flaky'])
  assert.equal(result.problems[0]?.affected.total, 0)
})

test('a tree that is shared a billion times is walked once, and damage below it does not make it walk for ever', async () => {
  backend.bringBack(empty)
  await built.store({ file: small })
  let tree = encodeTree([encodeNode({ ...plainNode('lost', 'file'), size: 1n, content: Buffer.alloc(32, 9) })])
  for (let level = 0; level < 30; level++) {
    const subtree = await saveTree(tree)
    const folder = (name: string) => encodeNode({ ...plainNode(name, 'dir'), subtree })
    tree = encodeTree([folder('a'), folder('b')])
  }
  await saveRoot(tree)
  const result = await check()
  assert.deepEqual(kinds(result), ['blobs-missing'])
  assert.equal(result.trees, 31)
  assert.equal(result.problems[0]?.affected.more, true)
  assert.equal(result.problems[0]?.affected.paths.length, 20)
})

test('folders nested ten thousand deep are walked', async () => {
  backend.bringBack(empty)
  await built.store({ file: small })
  let tree = encodeTree([encodeNode({ ...plainNode('file', 'file'), content: Buffer.alloc(0) })])
  const trees: Buffer[] = []
  for (let level = 0; level < 10_000; level++) {
    trees.push(tree)
    tree = encodeTree([encodeNode({ ...plainNode('in', 'dir'), subtree: idOf(tree) })])
  }
  await saveTrees([...trees, tree])
  assert.equal((await findUsed(await loadIndex(repository), [idOf(tree)])).count, 10_001)
})

test('parts of the data are chosen as restic chooses them', () => {
  const packs = Array.from({ length: 256 }, (_, i) => ({
    name: i.toString(16).padStart(2, '0').padEnd(64, '0'),
    size: 100,
  })) as unknown as TablePack[]
  const parts = [1, 2, 3].map((part) => choosePacks(packs, { kind: 'part', part, of: 3 }, Math.random))
  assert.deepEqual(
    parts[0]?.map(({ name }) => Number.parseInt(name.slice(0, 2), 16) % 3),
    Array(86).fill(0),
  )
  assert.equal(parts.flat().length, 256)
  assert.equal(choosePacks(packs, parseDataSubset('10%'), Math.random).length, 25)
  assert.equal(choosePacks(packs, parseDataSubset('0.01%'), Math.random).length, 1)
  assert.equal(choosePacks(packs, parseDataSubset('2500'), Math.random).length, 25)
  assert.equal(choosePacks(packs, parseDataSubset('1G'), Math.random).length, 256)
  for (const wrong of ['', '0/3', '4/3', '1/257', '0%', '101%', '0', 'x%', '1/2/3']) {
    assert.throws(() => parseDataSubset(wrong), { code: 'OPTION_INVALID' }, wrong)
  }
})

function plainNode(name: string, type: 'file' | 'dir') {
  const time = '2026-01-01T00:00:00Z'
  const [none, zero] = [0n, 0]
  const numbers = { inode: none, deviceId: none, size: none, links: 1n, device: none, uid: zero, gid: zero, mode: zero }
  return {
    name: Buffer.from(name),
    type,
    mtime: time,
    atime: time,
    ctime: time,
    user: '',
    group: '',
    ...numbers,
    content: null,
  }
}

function idOf(bytes: Buffer): Buffer {
  const id = Buffer.alloc(32)
  repository.codec.primitives.hasher.sha256(bytes, id)
  return id
}

async function saveTree(bytes: Buffer): Promise<Buffer> {
  await saveTrees([bytes])
  return idOf(bytes)
}

async function saveTrees(trees: readonly Buffer[]): Promise<void> {
  await built.saveBlobs('tree', trees)
}

async function saveRoot(bytes: Buffer): Promise<void> {
  assert.ok(openTree(bytes))
  await built.saveSnapshotOf(await saveTree(bytes))
}
