/**
 * Makes `src/repository/format/fixtures/`: the plain bytes of the files of a small repository made by restic, of entries
 * that are hard to encode. Needs root (device nodes), a file system with extended attributes, and `restic` and `setfattr`
 * in the path:
 *
 *     TZ=Europe/Madrid node scripts/make-format-fixtures.ts
 */
import { execFileSync } from 'node:child_process'
import { createDecipheriv } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { zstdDecompressSync } from 'node:zlib'

const folder = '/tmp/format-fixtures' // fixed: the path stands in the snapshot
const source = `${folder}/source`
const repository = `${folder}/repository`
const fixtures = new URL('../src/repository/format/fixtures/', import.meta.url)

const oddNames = [
  'empty',
  'plain name.txt',
  `apos'$\``,
  'q"uote\\<é>&',
  'ctl\u0001\u007f',
  'del\u007f',
  'nl\n\r\t\u0007\b\v\f',
  'zw\u200bx\u2028\u2029\ufeff',
  'smile😀\ue000\u{e0001}',
  'c1\u0085\u00a0\u00ad',
  'repl\ufffd',
  Buffer.from('bad\xff\xfe', 'latin1'),
  Buffer.from('surrogate\xed\xa0\x80', 'latin1'),
  Buffer.from('beyond\xf4\x90\x80\x80', 'latin1'),
  Buffer.from('overlong\xc0\x80', 'latin1'),
  Buffer.from('cut\xe2\x82', 'latin1'),
]

/** Seconds since 1970; Node's own `utimes` takes none before. */
const times = { year1970: '0', before: '-1.5', year1906: '-1999999999.999999995', year2255: '9000000000.12' }

function main(): void {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(fixtures, { recursive: true })
  makeSource()
  restic('init')
  restic('backup', source, '--host=office', '--tag=a=b', '--tag=<tag>&é', '--exclude=*.tmp', '--with-atime')
  restic('key', 'add', '--host=office', '--user=alice', '--new-insecure-no-password')
  save()
  rmSync(folder, { recursive: true })
}

function makeSource(): void {
  mkdirSync(`${source}/folder/sub`, { recursive: true })
  for (const name of oddNames)
    writeFileSync(Buffer.concat([Buffer.from(`${source}/`), Buffer.from(name as string)]), '')
  writeFileSync(`${source}/folder/sub/file`, 'file')
  writeFileSync(`${source}/several blobs`, Buffer.alloc(9 << 20))
  writeFileSync(`${source}/hard1`, 'hard')
  linkSync(`${source}/hard1`, `${source}/hard2`)
  symlinkSync('target', `${source}/link`)
  symlinkSync(Buffer.from('raw\xff<>\xc3\xa9', 'latin1'), `${source}/link raw`)
  symlinkSync('u\u2028"\\\u0001', `${source}/link odd`)
  for (const [name, seconds] of Object.entries(times)) run('touch', `--date=@${seconds}`, name)
  writeFileSync(`${source}/owned`, '')
  chownSync(`${source}/owned`, 4_000_000_000, 4_294_967_294)
  chmodSync(`${source}/owned`, 0o7751)
  run('mkfifo', 'fifo')
  run('mknod', 'chardev', 'c', '1', '3')
  run('mknod', 'dev', 'b', '259', '70000')
  run('setfattr', '-n', 'user.empty', 'owned')
  run('setfattr', '-n', 'user.odd<&>é', '-v', '0x00ff3c', 'owned')
}

function run(command: string, ...args: string[]): void {
  execFileSync(command, args, { cwd: source })
}

function restic(...args: string[]): Buffer {
  const env = { ...process.env, RESTIC_PASSWORD: 'fixtures', RESTIC_REPOSITORY: repository }
  return execFileSync('restic', ['--no-cache', '--quiet', ...args], { env, maxBuffer: 1 << 28 })
}

function save(): void {
  const { encrypt } = JSON.parse(restic('cat', 'masterkey').toString()) as { encrypt: string }
  const open = (sealed: Buffer): Buffer => {
    const decipher = createDecipheriv('aes-256-ctr', Buffer.from(encrypt, 'base64'), sealed.subarray(0, 16))
    return decipher.update(sealed.subarray(16, -16))
  }
  const snapshot = zstdDecompressSync(open(only('snapshots')).subarray(1))
  write('snapshot.plain', snapshot)
  write('index.plain', zstdDecompressSync(open(only('index')).subarray(1)))
  write('config.plain', open(readFileSync(`${repository}/config`)))
  write('key.plain', keyOfOffice())
  write(
    'tree.plain',
    folderTree((JSON.parse(snapshot.toString()) as { tree: string }).tree, source.split('/').slice(1)),
  )
  for (const pack of filesIn(`${repository}/data`)) {
    const sealed = pack.subarray(-4 - pack.readUInt32LE(pack.length - 4), -4)
    write(`pack-of-${pack.length}.header`, open(sealed))
  }
}

function only(type: string): Buffer {
  const [file] = filesIn(`${repository}/${type}`)
  return file as Buffer
}

function filesIn(path: string): Buffer[] {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(`${entry.parentPath}/${entry.name}`))
}

function keyOfOffice(): Buffer {
  return filesIn(`${repository}/keys`).find((key) => key.includes('office')) as Buffer
}

function folderTree(id: string, path: readonly string[]): Buffer {
  const tree = restic('cat', 'blob', id)
  const [name, ...rest] = path
  if (name === undefined) return tree
  const { nodes } = JSON.parse(tree.toString()) as { nodes: { name: string; subtree: string }[] }
  return folderTree(nodes.find((node) => node.name === name)?.subtree ?? '', rest)
}

/** Not named `.json`: a formatter that knows them would make them pretty, and wrong. */
function write(name: string, bytes: Buffer): void {
  writeFileSync(new URL(name, fixtures), bytes)
}

main()
