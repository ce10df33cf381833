import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { FormatError } from './errors.ts'
import type { Node } from './node.ts'
import { encodeNode, isSafeName } from './node.ts'
import { anyDamage, damage, fixture, propertyOptions, withoutRestic } from './testing.ts'
import { formatTime } from './time.ts'
import { TreeReader, compareNames, encodeTree, openTree } from './tree.ts'

const anyTime = fc.bigInt(-62_167_219_200_000_000_000n, 253_402_300_799_999_999_999n).map(formatTime)
const uint32 = fc.nat({ max: 0xffff_ffff })
const uint64 = fc.bigInt(0n, 2n ** 64n - 1n)
const bytes = (maxLength: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ minLength: 1, maxLength }).map((raw) => Buffer.from(raw))
const text = fc.string({ unit: 'grapheme', maxLength: 12 })
const id = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((raw) => Buffer.from(raw))
const attribute = fc.record({ name: text, value: fc.option(bytes(40)) }, { noNullPrototype: true })

const anyNode: fc.Arbitrary<Node> = fc.record(
  {
    name: bytes(30),
    type: fc.constantFrom('file', 'dir', 'symlink', 'dev', 'chardev', 'fifo', 'socket', 'irregular'),
    mode: uint32,
    mtime: anyTime,
    atime: anyTime,
    ctime: anyTime,
    uid: uint32,
    gid: uint32,
    user: text,
    group: text,
    inode: uint64,
    deviceId: uint64,
    size: uint64,
    links: uint64,
    linkTarget: bytes(40),
    extendedAttributes: fc.array(attribute, { minLength: 1, maxLength: 3 }),
    genericAttributes: fc.constantFrom(
      '{"windows.creation_time":"AAECAwQFBgc=","windows.file_attributes":{"a":[1,{}]}}',
      '{}',
    ),
    device: uint64,
    content: fc.option(fc.array(id, { maxLength: 4 }).map((ids) => Buffer.concat(ids))),
    subtree: id,
    error: text.filter((message) => message !== ''),
  },
  {
    noNullPrototype: true,
    requiredKeys: [
      'name',
      'type',
      'mode',
      'mtime',
      'atime',
      'ctime',
      'uid',
      'gid',
      'user',
      'group',
      'inode',
      'deviceId',
      'size',
      'links',
      'device',
      'content',
    ],
  },
)

test('a tree made by restic is read, and encoded again to the same bytes', () => {
  const tree = fixture('tree.plain')
  const nodes = [...openTree(tree)]
  assert.equal(nodes.length, 31)
  for (const node of nodes) {
    assert.equal(node.problem(), null)
    assert.equal(encodeNode(node.decode()).toString(), node.raw.toString())
  }
  assert.ok(encodeTree(nodes.map((node) => encodeNode(node.decode()))).equals(tree))
  assert.ok(encodeTree(nodes.map((node) => node.raw)).equals(tree))
})

test('names, targets and attributes in a tree made by restic come out as the raw bytes that they were', () => {
  const nodes = new Map([...openTree(fixture('tree.plain'))].map((node) => [node.name.toString('latin1'), node]))
  for (const name of [
    'bad\xff\xfe',
    'surrogate\xed\xa0\x80',
    'beyond\xf4\x90\x80\x80',
    'overlong\xc0\x80',
    'cut\xe2\x82',
    'ctl\x01\x7f',
  ]) {
    assert.ok(nodes.has(name), name)
  }
  assert.ok(nodes.has('nl\n\r\t\x07\b\v\f'))
  assert.ok(nodes.has(Buffer.from('zw\u200bx\u2028\u2029\ufeff').toString('latin1')))
  assert.equal(nodes.get('link raw')?.linkTarget?.toString('latin1'), 'raw\xff<>\xc3\xa9')
  assert.equal(nodes.get('link odd')?.linkTarget?.toString(), 'u\u2028"\\\u0001')
  assert.deepEqual(nodes.get('owned')?.extendedAttributes, [
    { name: 'user.empty', value: Buffer.alloc(0) },
    { name: 'user.odd<&>é', value: Buffer.from([0, 255, 0x3c]) },
  ])
  assert.equal(nodes.get('owned')?.uid, 4_000_000_000)
  assert.equal(nodes.get('before')?.mtimeNs, -1_500_000_000n)
  assert.equal(nodes.get('several blobs')?.content?.length, 18 * 32)
  assert.equal(nodes.get('empty')?.content?.length, 0)
  assert.equal(nodes.get('fifo')?.content, null)
  assert.equal(nodes.get('folder')?.subtree?.length, 32)
})

test('any node comes back from being encoded, in every value', () => {
  fc.assert(
    fc.property(anyNode, (node) => {
      const [read] = openTree(encodeTree([encodeNode(node)]))
      assert.deepEqual(read?.decode(), node)
      assert.equal(read?.type, node.type)
      assert.equal(read?.size, node.size)
      assert.equal(formatTime(read?.mtimeNs ?? 0n), node.mtime)
      assert.equal(formatTime(read?.ctimeNs ?? 0n), node.ctime)
    }),
    propertyOptions,
  )
})

test('numbers beyond 2^53 are exact', () => {
  const node = {
    ...decoded(
      '{"name":"a","type":"file","mtime":"T","atime":"T","ctime":"T","uid":0,"gid":0,"inode":9223372036854775809,"device_id":18446744073709551615,"content":[]}',
    ),
  }
  assert.equal(node.inode, 2n ** 63n + 1n)
  assert.equal(node.deviceId, 2n ** 64n - 1n)
  assert.match(encodeNode(node).toString(), /"inode":9223372036854775809,"device_id":18446744073709551615,/)
})

test('spaces, other orders, nulls and unknown keys are read', () => {
  const node = decoded(
    ' { "xattrs" : [ { } ] , "gid":null,"uid" : 7 , "content" : [ "ID" , "ID" ] ,"ctime":"T","atime":"T","mtime":"T", "type":"file","user":null, "n\\u0061meless":"x","name":"a" } ',
  )
  assert.equal(node.uid, 7)
  assert.equal(node.content?.length, 64)
  assert.equal([...openTree(Buffer.from(' {"new":{"nodes":1},"nodes": [ ] , "later":[] } \n'))].length, 0)
})

test('a node without times, as rustic writes it, has the times that restic reads', () => {
  const [node] = openTree(treeOf('{"name":"a","type":"file","mtime":null,"content":[]}'))
  assert.equal(node?.problem(), null)
  assert.equal(node?.mtimeNs, BigInt(Date.parse('0001-01-01T00:00:00Z')) * 1_000_000n)
  assert.equal(node?.decode().ctime, '0001-01-01T00:00:00Z')
})

test('keys that are escaped are the same keys', () => {
  const [node] = openTree(treeOf('{"n\\u0061me":"a","\\u0074ype":"fifo","inode":1}'))
  assert.deepEqual([node?.name.toString(), node?.type, node?.inode], ['a', 'fifo', 1n])
  assert.throws(() => [...openTree(treeOf('{"name":"a","n\\u0061me":"b"}'))], /twice/)
})

test('names must come in the order of their bytes, each once', () => {
  const trees = [['b', 'a'], ['a', 'a'], ['😀', '\uff01'], ['']]
  for (const names of trees) {
    const tree = treeOf(names.map((name) => `{"name":"${name}","type":"fifo"}`).join(','))
    assert.throws(() => [...openTree(tree)], { code: 'TREE_NOT_ORDERED' }, names.join())
  }
  assert.equal([...openTree(treeOf('{"name":"\uff01"},{"name":"😀"},{"name":"\\\\xff"}'))].length, 3)
})

test('a node with a dangerous name is read and known for what it is', () => {
  const tree = treeOf(['..', '../x', '/abs', 'a\\\\x00b', 'a/b'].map((name) => `{"name":"${name}"}`).join(','))
  for (const node of openTree(tree)) assert.equal(isSafeName(node.name), false, node.name.toString())
  assert.equal(isSafeName(Buffer.from('.')), false)
  for (const name of ['...', '.a', 'a\\b', ' ', '-']) assert.equal(isSafeName(Buffer.from(name)), true)
})

test('one malformed node is a problem of its own and the others are read', () => {
  const good = '"mtime":"T","atime":"T","ctime":"T","uid":0,"gid":0,"content":[]'
  const cases: readonly (readonly [string, RegExp])[] = [
    ['{"name":"a","type":"file","mtime":"T","atime":"T","ctime":"T","content":null}', /"content" is missing/],
    [`{"name":"a","type":"dir",${good}}`, /"subtree" is missing/],
    [`{"name":"a","type":"new",${good}}`, /"type" is "new"/],
    [`{"name":"a",${good}}`, /"type" is ""/],
    [`{"name":"a","type":"irregular",${good}}`, /irregular/],
    [`{"name":"a","type":"dir","subtree":"12",${good}}`, /"subtree" is no id/],
    [`{"name":"a","type":"file","mode":4294967296,${good}}`, /"mode" has more than 32 bits/],
    [`{"name":"a","type":"fifo","inode":18446744073709551616,${good}}`, /"inode" has more than 64 bits/],
    [`{"name":"a","type":"fifo","links":${'9'.repeat(100_000)},${good}}`, /"links" has more than 64 bits/],
    ['{"name":"a","type":"file","mtime":"1","atime":"T","ctime":"T","content":[]}', /"1" is not a time/],
    ['{"name":"a","type":"file","mtime":"T","atime":"T","ctime":"T","content":[1]}', /JSON/],
    ['{"name":"a","type":"file","mtime":"T","atime":"T","ctime":"T","content":["x"]}', /"content" holds/],
    [`{"name":"a","type":"symlink","linktarget_raw":"*",${good}}`, /not base64/],
    [`{"name":"a","type":"fifo","extended_attributes":{},${good}}`, /JSON/],
    [`{"name":"a","type":"fifo","generic_attributes":[],${good}}`, /JSON/],
    [`{"name":"a/","type":"fifo",${good}}`, /cannot be the name/],
  ]
  for (const [node, message] of cases) {
    const [bad, other] = openTree(treeOf(`${node},{"name":"z","type":"fifo",${good}}`))
    assert.match(bad?.problem()?.message ?? '', message, node)
    assert.equal(other?.problem(), null)
  }
})

test('a folder whose tree would not fit the format is refused before anything is made', () => {
  const half = new Uint8Array(2 ** 31) // never touched, so it takes no memory
  assert.throws(() => encodeTree([half, half]), { code: 'TREE_TOO_LARGE' })
})

test('a malformed tree is refused with a code', () => {
  const malformed = [
    '',
    '{}',
    '[]',
    '{"nodes":{}}',
    '{"nodes":null}',
    '{"nodes":[]',
    '{"nodes":[]}}',
    '{"nodes":[],"nodes":[]}',
    '{"nodes":[1]}',
    '{"nodes":[{"name":"a"},]}',
    '{"nodes":[,{"name":"a"}]}',
    '{"nodes":[{"name":"a"}{"name":"b"}]}',
    '{"nodes":[{"name":"a","name":"a"}]}',
    '{"nodes":[{"name":1}]}',
    '{"nodes":[{"name":"a","inode":-1}]}',
    '{"nodes":[{"name":"a","inode":1.5}]}',
    '{"nodes":[{"name":"a","inode":"1"}]}',
    '{"nodes":[{"name":"\\\\q"}]}',
    '{"nodes":[{"name":"a",}]}',
    '{"nodes":[{"type":"file"}]}',
  ]
  for (const json of malformed) {
    assert.throws(() => readAll(Buffer.from(json)), FormatError, json)
  }
  assert.throws(() => [...openTree(Buffer.from(`{"nodes":[{"name":"a","x":${'['.repeat(100_000)}`))], {
    message: /deeply/,
  })
})

test('any bytes, and any damage to a tree, are read or refused with a code', () => {
  const tree = fixture('tree.plain')
  const whatever = fc.oneof(
    { weight: 4, arbitrary: anyDamage.map((kind) => damage(tree, kind)) },
    { weight: 1, arbitrary: bytes(200) },
  )
  fc.assert(
    fc.property(whatever, (input) => {
      try {
        readAll(input)
      } catch (error) {
        assert.ok(error instanceof FormatError, String((error as Error).stack))
      }
    }),
    propertyOptions,
  )
})

test('names are found in one pass over the tree', () => {
  const tree = fixture('tree.plain')
  const names = [...openTree(tree)].map((node) => node.name)
  const reader = new TreeReader(tree)
  const asked = [...names, Buffer.from('m'), Buffer.from('zzz'), Buffer.from('A')].toSorted(compareNames)
  for (const name of asked)
    assert.equal(
      reader.find(name)?.name.equals(name) ?? false,
      names.some((known) => known.equals(name)),
    )
})

test('restic gives the bytes of a tree back as we encode them', { skip: withoutRestic }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'tree-'))
  try {
    mkdirSync(join(folder, 'files'))
    for (let byte = 1; byte < 256; byte++) {
      if (byte !== 0x2f)
        writeFileSync(Buffer.concat([Buffer.from(`${folder}/files/x`), Buffer.from([byte])]), String(byte))
    }
    const restic = (...args: string[]): Buffer =>
      execFileSync('restic', ['-r', 'repository', '--no-cache', '-q', ...args], {
        cwd: folder,
        env: { ...process.env, RESTIC_PASSWORD: 'x' },
      })
    restic('init')
    restic('backup', 'files')
    const [snapshot] = JSON.parse(restic('snapshots', '--json').toString()) as { tree: string }[]
    const [root] = openTree(restic('cat', 'blob', snapshot?.tree ?? ''))
    const tree = restic('cat', 'blob', root?.subtree?.toString('hex') ?? '')
    assert.ok(encodeTree([...openTree(tree)].map((node) => encodeNode(node.decode()))).equals(tree))
  } finally {
    rmSync(folder, { recursive: true })
  }
})

function readAll(tree: Buffer): void {
  for (const node of openTree(tree)) void node.problem()
}

/** A tree of nodes given as JSON, in which `T` stands for a time and `ID` for an id. */
function treeOf(nodes: string): Buffer {
  return Buffer.from(
    `{"nodes":[${nodes}]}\n`.replaceAll('"T"', '"2024-05-01T12:00:00Z"').replaceAll('"ID"', `"${'0f'.repeat(32)}"`),
  )
}

function decoded(node: string): Node {
  const [read] = openTree(treeOf(node))
  assert.ok(read)
  return read.decode()
}
