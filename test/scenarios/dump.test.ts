/** Files and archives out of snapshots, judged by restic's dump and by the programs that people unpack them with. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { compareTrees } from '../helpers/compare-trees.ts'
import { makeTree } from '../helpers/make-tree.ts'
import { missing, peer } from '../helpers/peers.ts'
import { run, runOk } from '../helpers/run.ts'
import { Scene } from '../helpers/scene.ts'
import { randomFrom, testSeed } from '../helpers/seed.ts'

const program = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
const seed = testSeed()
const skip = missing('restic', 'tar', 'unzip', 'python3')

let scene: Scene
let large: Buffer

before(async () => {
  if (skip !== false) return
  scene = await Scene.open()
  makeTree(scene.source, { seed, files: 12, biggest: 1_500_000, depth: 6 })
  const random = randomFrom(seed)
  // Several batches of blobs, some that compress and some that do not, and the same ones twice.
  large = Buffer.concat([random.bytes(12_000_000), Buffer.alloc(6_000_000, 'abcdefg'), random.bytes(9_000_000)])
  writeFileSync(`${scene.source}/large`, Buffer.concat([large, large.subarray(0, 4_000_000)]))
  large = readFileSync(`${scene.source}/large`)
  await scene.init('understudy')
  await scene.restic('backup', '--quiet', scene.source)
})

after(async () => {
  if (skip === false) await scene[Symbol.asyncDispose]()
})

/** Runs a dump with its standard output in a file, as a shell would. */
async function dumpTo(path: string, ...args: readonly string[]): Promise<{ code: number | null; stderr: string }> {
  const out = openSync(path, 'w')
  try {
    const child = spawn(process.execPath, [program, 'dump', ...args], {
      env: { ...process.env, ...scene.env },
      stdio: ['ignore', out, 'pipe'],
    })
    let stderr = ''
    child.stderr?.on('data', (bytes: Buffer) => (stderr += bytes.toString()))
    const [code] = (await once(child, 'close')) as [number | null]
    return { code, stderr }
  } finally {
    closeSync(out)
  }
}

test('a tar brings back every byte, name, time, attribute and link', { skip }, async () => {
  const tar = `${scene.folder}/all.tar`
  assert.deepEqual(await dumpTo(tar, `latest:${scene.source}`, '/'), { code: 0, stderr: '' })
  const target = `${scene.folder}/untarred`
  mkdirSync(target)
  const keep = ['--xattrs', '--xattrs-include=*', '--acls', '--same-owner', '-p']
  await runOk(peer('tar'), ['-C', target, ...keep, '-xf', tar])
  assert.deepEqual(compareTrees(scene.source, target, { ignore: ['root', 'holes'] }), [])
})

const readTar = `
import sys, tarfile, json, hashlib
found = {}
archive = tarfile.open(sys.argv[1])
for member in archive:
    if not (member.isreg() or member.isdir() or member.issym() or member.islnk()): continue
    content = hashlib.sha256(archive.extractfile(member).read()).hexdigest() if not (member.isdir() or member.issym()) else ascii(member.linkname)
    found[ascii(member.name)] = [content, member.mode, member.uid, member.gid, member.uname, member.gname]
print(json.dumps(found, sort_keys=True))
`

const readZip = `
import sys, zipfile, json
z = zipfile.ZipFile(sys.argv[1])
assert z.testzip() is None
print(json.dumps({ascii(e.filename.encode('utf-8' if e.flag_bits & 0x800 else 'cp437')): [e.CRC, e.file_size, e.external_attr >> 16] for e in z.infolist()}, sort_keys=True))
`

test('tar and zip of a folder hold what those of restic hold', { skip }, async () => {
  // restic's archives have no devices, a fifo as an empty file, and second names (of a symlink too) as files of their own.
  for (const [format, script] of [
    ['tar', readTar],
    ['zip', readZip],
  ] as const) {
    const [ours, theirs] = [`${scene.folder}/ours.${format}`, `${scene.folder}/theirs.${format}`]
    const args = ['-a', format, '-t']
    await Promise.all([
      scene.understudy('dump', ...args, ours, 'latest', scene.source),
      scene.restic('dump', ...args, theirs, 'latest', scene.source),
    ])
    const read = async (path: string) => {
      const entries = JSON.parse(await runOk(peer('python3'), ['-c', script, path])) as Record<string, unknown>
      return Object.fromEntries(Object.entries(entries).filter(([name]) => !/(fifo|to one again)'$/.test(name)))
    }
    assert.deepEqual(await read(ours), await read(theirs), format)
  }
  const { stdout, stderr, code } = await run(peer('unzip'), ['-tq', `${scene.folder}/ours.zip`])
  assert.equal(code, 0, stdout + stderr)
})

test('a file comes out as it was, also through a pipe and from a folder of a snapshot', { skip }, async () => {
  const path = `${scene.folder}/large`
  assert.deepEqual(await dumpTo(path, 'latest', `${scene.source}/large`), { code: 0, stderr: '' })
  assert.ok(readFileSync(path).equals(large))
  await scene.understudy('dump', `latest:${scene.source}`, '/large', '--target', path, '--path', scene.source)
  assert.ok(readFileSync(path).equals(large))
  const shell = `"$0" "$1" dump latest "$2" | sha256sum`
  const sum = await runOk('sh', ['-c', shell, process.execPath, program, `${scene.source}/large`], { env: scene.env })
  assert.equal(sum, await runOk('sh', ['-c', 'sha256sum < "$0"', path]))
})

test('a reader that goes away ends the dump without a word', { skip }, async () => {
  const shell = '"$0" "$1" dump latest "$2" | head -c 100 | wc -c; echo "${PIPESTATUS[0]}"'
  const args = ['-c', shell, process.execPath, program, `${scene.source}/large`]
  const { stdout, stderr } = await run('bash', args, { env: scene.env })
  assert.deepEqual([stdout, stderr], ['100\n141\n', ''])
})

test('a dump or a list that does not fit where standard output goes fails', { skip }, async () => {
  // As on a disk that becomes full, the last write is done in part only.
  const script = `ulimit -f 1; trap '' XFSZ; "$@" > '${scene.folder}/output'`
  const runLimited = (...args: readonly string[]) =>
    run('bash', ['-c', script, 'bash', process.execPath, program, '--no-cache', ...args], { env: scene.env })
  const dumped = await runLimited('dump', 'latest', `${scene.source}/large`)
  assert.match(dumped.stderr, /DUMP_NOT_WRITTEN/)
  assert.equal(dumped.code, 1)
  const listed = await runLimited('generate', '--bash-completion', '-')
  assert.match(listed.stderr, /PRINTING_FAILED/)
  assert.equal(listed.code, 1)
})

test('what is not there, or is neither file nor folder, is refused before anything is written', { skip }, async () => {
  const kept = `${scene.folder}/kept`
  writeFileSync(kept, 'as it was')
  for (const [path, code] of [
    ['/no/such', 'DUMP_NOT_FOUND'],
    [`${scene.source}/links/to one`, 'DUMP_KIND'],
    [`${scene.source}/large/inside`, 'DUMP_KIND'],
  ] as const) {
    const { code: exit, stderr } = await scene.tryUnderstudy('dump', 'latest', path, '--target', kept)
    assert.equal(exit, 1)
    assert.match(stderr, new RegExp(code))
    assert.equal(readFileSync(kept, 'utf8'), 'as it was')
  }
})

// The last, because it does damage.
test(
  'a damaged blob ends the dump with an error that names the file, and nothing wrong is written',
  { skip },
  async () => {
    damageLargePacks()
    const path = `${scene.folder}/damaged`
    const { code, stderr } = await dumpTo(path, 'latest', `${scene.source}/large`)
    assert.equal(code, 1)
    assert.match(stderr, /large" cannot be read: .*\(DUMP_STOPPED\)/)
    const written = readFileSync(path)
    assert.ok(written.length < large.length && large.subarray(0, written.length).equals(written))
    const archive = await dumpTo(path, 'latest', scene.source)
    assert.equal(archive.code, 1)
    assert.match(archive.stderr, /DUMP_STOPPED/)
  },
)

/** A bit in every 256 KiB of every large pack: no chunk of the large file is as small. */
function damageLargePacks(): void {
  for (const name of scene.packs()) {
    const path = `${scene.repository}/data/${name.slice(0, 2)}/${name}`
    const bytes = readFileSync(path)
    for (let at = 128 << 10; at < bytes.length; at += 256 << 10) bytes[at] = (bytes[at] as number) ^ 1
    chmodSync(path, 0o600)
    writeFileSync(path, bytes)
  }
}
