import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'

import { aFile, aFolder, aNode } from '../../test/helpers/fake-repository.ts'
import { randomFrom } from '../../test/helpers/seed.ts'
import { messages, namesBelow, restore, setUp } from '../../test/helpers/restoring.ts'
import { run } from '../../test/helpers/run.ts'
import { openFolderBelow, openFolderStepwise, openFlags } from './platform/libc-write.ts'
import { openFileTarget } from './target.ts'
import type { RestoreFailure } from '#restorer'
import { executeRestore, planRestore } from '#restorer'

const asRoot = process.geteuid?.() === 0 ? false : 'needs root'
const onLinux = process.platform === 'linux' ? false : 'needs Linux'

test('names that lead elsewhere are refused and everything else is restored (F1)', async (t) => {
  const { repository, target, folder } = setUp(t)
  fs.writeFileSync(join(folder, 'x'), 'sentinel')
  const bad = ['', '.', '..', '../x', '/abs', 'a/b', 'nul\0byte']
  const good = ['back\\slash', 'C:', '\\\\?\\C:\\x', '...', '-rf', 'line\nbreak']
  const tree = repository.saveTree([...bad, ...good].map((name) => aFile(repository, name, 'content')))
  const { plan, result } = await restore(repository, tree, target, {}, { delete: true })
  assert.deepEqual(
    codes(plan.problems.listed),
    bad.map(() => 'NAME_REFUSED'),
  )
  assert.equal(plan.counts.refused, bad.length)
  assert.equal(result.failed.count, 0)
  assert.deepEqual(namesBelow(target), [...good].sort())
  assert.equal(fs.readFileSync(join(folder, 'x'), 'utf8'), 'sentinel')
  // A hostile name is shown as text that is safe in a terminal.
  for (const message of messages(plan.problems.listed)) assert.doesNotMatch(message, /[\0-\x1f]/)
})

test('a refused name switches off deleting', async (t) => {
  const { repository, target } = setUp(t)
  fs.mkdirSync(target)
  fs.writeFileSync(join(target, 'mine'), 'x')
  const tree = repository.saveTree([aFile(repository, '..', 'x'), aFile(repository, 'fine', 'x')])
  const { plan } = await restore(repository, tree, target, {}, { delete: true })
  assert.equal(plan.counts.deleted, 0)
  assert.deepEqual(namesBelow(target), ['fine', 'mine'])
})

test('a symlink of the snapshot is never a way for its own files, nor is a name that comes twice (F2)', async (t) => {
  const { repository, target, folder } = setUp(t)
  const outside = join(folder, 'outside')
  fs.mkdirSync(outside)
  const link = aNode('a', { type: 'symlink', mode: 2 ** 27 + 0o777, linkTarget: Buffer.from(outside), content: null })
  const tree = repository.saveTree([
    link,
    aFolder(repository, 'a', [aFile(repository, 'evil', 'evil')]),
    aFile(repository, 'b', 'b'),
  ])
  const { plan, result } = await restore(repository, tree, target)
  assert.deepEqual(codes(plan.problems.listed), ['NAME_TWICE'])
  assert.equal(result.failed.count, 0)
  assert.deepEqual(fs.readdirSync(outside), [])
  assert.equal(fs.readlinkSync(join(target, 'a')), outside)
})

test('names that are one for the file system are refused the second time (F2)', { skip: asRoot }, async (t) => {
  const { repository, folder, cleanUp } = setUp(t)
  const mount = mountTmpfs(cleanUp, join(folder, 'folded'), 'casefold')
  if (mount.error) return t.skip(`kernel: no tmpfs that folds case: ${mount.error}`)
  const target = join(mount.path, 'target')
  fs.mkdirSync(target)
  await run('chattr', ['+F', target])
  const tree = repository.saveTree([
    aFile(repository, 'A', 'large'),
    aFolder(repository, 'B', [aFile(repository, 'x', 'of B')]),
    aFile(repository, 'a', 'small'),
    aFolder(repository, 'b', [aFile(repository, 'x', 'of b')]),
  ])
  fs.writeFileSync(join(target, 'PROBE'), '')
  if (!fs.existsSync(join(target, 'probe'))) return t.skip('kernel: this tmpfs tells cases apart')
  fs.unlinkSync(join(target, 'PROBE'))
  const { result } = await restore(repository, tree, target)
  assert.equal(result.failed.count, 2)
  assert.equal(fs.readFileSync(join(target, 'A'), 'utf8'), 'large')
  assert.equal(fs.readFileSync(join(target, 'B', 'x'), 'utf8'), 'of B')
})

test('what appears after the plan was made is not overwritten', async (t) => {
  const { repository, target } = setUp(t)
  const tree = repository.saveTree([
    aFile(repository, 'big', Buffer.alloc(200_000, 'b')),
    aFolder(repository, 'dir', [aFile(repository, 'x', 'of the snapshot')]),
    aFile(repository, 'file', 'of the snapshot'),
  ])
  await using disk = openFileTarget(target)
  const plan = await planRestore(repository, { tree }, disk)
  fs.mkdirSync(join(target, 'dir'), { recursive: true })
  fs.writeFileSync(join(target, 'big'), 'mine')
  fs.writeFileSync(join(target, 'file'), 'mine')
  const result = await executeRestore(repository, plan, disk)
  assert.equal(result.failed.count, 3)
  assert.deepEqual(namesBelow(target), ['big', 'dir', 'file'])
  assert.equal(fs.readFileSync(join(target, 'big'), 'utf8'), 'mine')
  assert.equal(fs.readFileSync(join(target, 'file'), 'utf8'), 'mine')
})

test('symlinks that lie in the target are replaced, never followed (F3)', async (t) => {
  const { repository, target, folder } = setUp(t)
  const outside = join(folder, 'outside')
  fs.mkdirSync(join(outside, 'dir'), { recursive: true })
  fs.writeFileSync(join(outside, 'victim'), 'untouched', { mode: 0o600 })
  fs.mkdirSync(target)
  fs.symlinkSync(join(outside, 'dir'), join(target, 'dir'))
  fs.symlinkSync(join(outside, 'victim'), join(target, 'file'))
  fs.symlinkSync(join(outside, 'victim'), join(target, 'empty'))
  fs.symlinkSync(outside, join(target, 'kept folder'))
  const tree = repository.saveTree([
    aFolder(repository, 'dir', [aFile(repository, 'inside', 'i')]),
    aFile(repository, 'empty', ''),
    aFile(repository, 'file', 'content', { mode: 0o777 }),
  ])
  const never = await restore(repository, tree, target, {}, { overwrite: 'never' })
  assert.deepEqual(codes(never.plan.problems.listed), ['IN_THE_WAY'])
  assert.ok(fs.lstatSync(join(target, 'dir')).isSymbolicLink())

  const { plan, result } = await restore(repository, tree, target)
  assert.equal(result.failed.count, 0)
  assert.equal(plan.counts.inTheWay, 3)
  assert.deepEqual(fs.readdirSync(join(outside, 'dir')), [])
  assert.equal(fs.readFileSync(join(outside, 'victim'), 'utf8'), 'untouched')
  assert.equal(fs.statSync(join(outside, 'victim')).mode & 0o777, 0o600)
  assert.equal(fs.readFileSync(join(target, 'dir', 'inside'), 'utf8'), 'i')
})

test('the target itself may be a symlink, which is the word of who asks', async (t) => {
  const { repository, target, folder } = setUp(t)
  fs.mkdirSync(join(folder, 'real'))
  fs.symlinkSync('real', target)
  const { result } = await restore(repository, repository.saveTree([aFile(repository, 'a', 'a')]), target)
  assert.equal(result.failed.count, 0)
  assert.equal(fs.readFileSync(join(folder, 'real', 'a'), 'utf8'), 'a')
})

test('folders are opened without following links, by one call or step by step', { skip: onLinux }, (t) => {
  const { folder } = setUp(t)
  fs.mkdirSync(join(folder, 'a', 'b'), { recursive: true })
  fs.symlinkSync('a', join(folder, 'link'))
  const root = fs.openSync(folder, 'r')
  t.after(() => fs.closeSync(root))
  const flags = openFlags.directory | openFlags.noFollow | openFlags.closeOnExec
  for (const open of [openFolderBelow, (from: number, path: Buffer) => openFolderStepwise(from, path, flags)]) {
    const handle = open(root, Buffer.from('a/b'))
    assert.equal(fs.fstatSync(handle).ino, fs.statSync(join(folder, 'a', 'b')).ino)
    fs.closeSync(handle)
    for (const path of ['link/b', 'link', 'none', '../..', '/etc'])
      assert.throws(() => open(root, Buffer.from(path)), path)
  }
})

test('somebody who swaps folders for links all the time leads nothing outside (F4)', { skip: onLinux }, async (t) => {
  const { repository, target, folder } = setUp(t, { blobBytes: 4096 })
  const outside = join(folder, 'outside')
  fs.mkdirSync(join(outside, 'sub'), { recursive: true })
  fs.writeFileSync(join(outside, 'f0'), 'sentinel')
  fs.writeFileSync(join(outside, 'sub', 'f0'), 'sentinel')
  const sentinel = stateOf(outside)
  const random = randomFrom(4)
  const files = () => Array.from({ length: 20 }, (_, i) => aFile(repository, `f${i}`, random.bytes(i % 3 ? 100 : 9000)))
  const tree = repository.saveTree([
    aFolder(repository, 'dir', [...files(), aFolder(repository, 'sub', files())], { mode: 2 ** 31 + 0o777 }),
  ])
  const swapper = new Worker(swapping, { eval: true, workerData: { target, outside, ms: 1200 } })
  const ended = once(swapper, 'message')
  let rounds = 0
  for (let over = false; !over; rounds++) {
    await restore(repository, tree, target, {}, { delete: true }).catch(() => undefined)
    over = await Promise.race([ended.then(() => true), setImmediate(false)])
  }
  const [swaps] = (await ended) as [number]
  await swapper.terminate()
  t.diagnostic(`${rounds} restores, ${swaps} swaps`)
  assert.ok(rounds > 1 && swaps > 10)
  assert.deepEqual(stateOf(outside), sentinel)
})

const swapping = `
  const fs = require('node:fs'), { join } = require('node:path')
  const { workerData: { target, outside, ms }, parentPort } = require('node:worker_threads')
  const until = Date.now() + ms
  let swaps = 0
  while (Date.now() < until) for (const name of ['dir', 'dir/sub']) {
    const path = join(target, name)
    try {
      fs.renameSync(path, path + '.aside')
      fs.symlinkSync(name === 'dir' ? outside : join(outside, 'sub'), path)
      for (let i = 0; i < 2000; i++);
      fs.unlinkSync(path)
      fs.renameSync(path + '.aside', path)
      swaps++
    } catch { try { fs.unlinkSync(path) } catch {} try { fs.renameSync(path + '.aside', path) } catch {} }
  }
  parentPort.postMessage(swaps)`

test(
  'setuid, devices and owners come back for root, and stay away from a foreign snapshot (F5)',
  { skip: asRoot },
  async (t) => {
    const { repository, target } = setUp(t)
    const capability = {
      name: 'security.capability',
      value: Buffer.from('0000000200040000000000000000000000000000', 'hex'),
    }
    const tree = repository.saveTree([
      aFile(repository, 'capable', 'x', { extendedAttributes: [capability] }),
      aNode('null', { type: 'chardev', mode: 0o666, device: 0x103n, content: null }),
      aFile(repository, 'setuid', 'x', { mode: 0o755 + 2 ** 23, uid: 1234, gid: 5678 }),
    ])
    await restore(repository, tree, target)
    const own = fs.statSync(join(target, 'setuid'))
    assert.deepEqual([own.mode & 0o7777, own.uid, own.gid], [0o4755, 1234, 5678])
    assert.ok(fs.statSync(join(target, 'null')).isCharacterDevice())

    fs.rmSync(target, { recursive: true })
    const { plan } = await restore(repository, tree, target, { foreign: true })
    const foreign = fs.statSync(join(target, 'setuid'))
    assert.deepEqual([foreign.mode & 0o7777, foreign.uid, foreign.gid], [0o755, 0, 0])
    assert.deepEqual(codes(plan.problems.listed), ['KIND_REFUSED'])
    assert.deepEqual(namesBelow(target), ['capable', 'setuid'])
    await using disk = openFileTarget(target)
    const again = await planRestore(repository, { tree }, disk)
    await executeRestore(repository, again, disk)
    assert.equal(fs.statSync(join(target, 'setuid')).uid, 1234)
  },
)

test('read-only files, folders in the way and other names of a file are dealt with as stated (F6)', async (t) => {
  const { repository, target, folder } = setUp(t)
  fs.mkdirSync(join(target, 'full', 'of'), { recursive: true })
  fs.mkdirSync(join(target, 'hollow'))
  fs.writeFileSync(join(target, 'full', 'of', 'things'), 'x')
  fs.writeFileSync(join(target, 'read only'), 'old', { mode: 0o400 })
  fs.writeFileSync(join(folder, 'victim'), 'victim')
  fs.linkSync(join(folder, 'victim'), join(target, 'shared'))
  fs.writeFileSync(join(folder, 'same'), 'same')
  fs.linkSync(join(folder, 'same'), join(target, 'same'))
  const tree = repository.saveTree([
    aFile(repository, 'full', 'a file'),
    aFile(repository, 'hollow', 'a file'),
    aFile(repository, 'read only', 'new', { mode: 0o400 }),
    aFile(repository, 'same', 'same', { mode: 0o777 }),
    aFile(repository, 'shared', 'restored'),
  ])
  const { plan, result } = await restore(repository, tree, target)
  assert.deepEqual(codes(plan.problems.listed), ['IN_THE_WAY'])
  assert.equal(result.failed.count, 0)
  assert.equal(fs.readFileSync(join(target, 'hollow'), 'utf8'), 'a file')
  assert.equal(fs.readFileSync(join(target, 'read only'), 'utf8'), 'new')
  assert.equal(fs.readFileSync(join(target, 'shared'), 'utf8'), 'restored')
  assert.equal(fs.readFileSync(join(folder, 'victim'), 'utf8'), 'victim')
  assert.notEqual(fs.statSync(join(folder, 'same')).mode & 0o777, 0o777)
  const withDelete = await restore(repository, tree, target, {}, { delete: true })
  assert.equal(withDelete.result.failed.count, 0)
  assert.equal(fs.readFileSync(join(target, 'full'), 'utf8'), 'a file')
})

test('a program that runs is replaced while it runs on (F6)', { skip: onLinux }, async (t) => {
  const { repository, target } = setUp(t, { blobBytes: 1 << 20 })
  fs.mkdirSync(target)
  const program = Buffer.concat([fs.readFileSync('/bin/sleep'), Buffer.alloc(9 << 20, 1)])
  fs.writeFileSync(join(target, 'sleep'), program, { mode: 0o755 })
  const running = spawn(join(target, 'sleep'), ['30'])
  t.after(() => running.kill('SIGKILL'))
  await once(running, 'spawn')
  const wanted = Buffer.concat([program.subarray(0, program.length - 10), Buffer.alloc(10, 2)])
  const { plan, result } = await restore(repository, repository.saveTree([aFile(repository, 'sleep', wanted)]), target)
  assert.equal(plan.counts.bytesToWrite < 2 << 20, true)
  assert.deepEqual(messages(result.failed.listed), [])
  assert.ok(fs.readFileSync(join(target, 'sleep')).equals(wanted))
  assert.equal(running.exitCode, null)
})

test('a file marked immutable is named, and the others are restored (F6)', { skip: asRoot }, async (t) => {
  const { repository, target, cleanUp } = setUp(t)
  fs.mkdirSync(join(target, 'sealed'), { recursive: true })
  fs.writeFileSync(join(target, 'file'), 'old')
  cleanUp(() => spawnSync('chattr', ['-i', join(target, 'file'), join(target, 'sealed')]))
  const marked = await run('chattr', ['+i', join(target, 'file'), join(target, 'sealed')])
  if (marked.code !== 0) return t.skip(`kernel: chattr +i: ${marked.stderr.trim()}`)
  const tree = repository.saveTree([
    aFile(repository, 'file', 'other content'),
    aFile(repository, 'free', 'f'),
    aFolder(repository, 'sealed', [aFile(repository, 'inside', 'i')]),
  ])
  const { result } = await restore(repository, tree, target)
  assert.equal(fs.readFileSync(join(target, 'free'), 'utf8'), 'f')
  assert.equal(fs.readFileSync(join(target, 'file'), 'utf8'), 'old')
  const said = messages(result.failed.listed).sort()
  assert.match(said[0] as string, /^"file" could not be restored: "file" is marked immutable/)
  assert.match(said[1] as string, /^"sealed\/inside" could not be restored: "sealed" is marked immutable/)
})

test('what a file system cannot keep is told once, and the data is right (F9)', { skip: asRoot }, async (t) => {
  const { repository, folder, cleanUp } = setUp(t)
  const mount = mountTmpfs(cleanUp, join(folder, 'plain'), undefined, 'ramfs')
  if (mount.error) return t.skip(`kernel: ramfs cannot be mounted: ${mount.error}`)
  const attribute = [{ name: 'user.note', value: Buffer.from('x') }]
  const files = ['a', 'b', 'c'].map((name) =>
    aFile(repository, name, `content of ${name}`, { extendedAttributes: attribute }),
  )
  const { result } = await restore(repository, repository.saveTree(files), join(mount.path, 'target'))
  assert.equal(result.failed.count, 0)
  assert.deepEqual(
    result.warnings.map(({ problem, count }) => [problem, count]),
    [['attribute', 3]],
  )
  assert.equal(result.warnings[0]?.example.toString(), 'a')
  assert.equal(fs.readFileSync(join(mount.path, 'target', 'b'), 'utf8'), 'content of b')
})

/** Restores in a process of another user, who may read nothing that is not handed over. */
const asNobody = `
  import { aFile, aFolder, aNode, FakeRepository } from '${import.meta.resolve('../../test/helpers/fake-repository.ts')}'
  import { restore } from '${import.meta.resolve('../../test/helpers/restoring.ts')}'
  // Only now: another user may not be allowed to read this project.
  process.setgroups([])
  process.setegid(65534)
  process.seteuid(65534)
  const target = process.argv[1]
  const repository = new FakeRepository()
  const note = [{ name: 'user.note', value: Buffer.from('x') }, { name: 'trusted.secret', value: Buffer.from('x') }]
  const tree = (text) => repository.saveTree([
    aFolder(repository, 'closed', [aFile(repository, 'inside', text)], { mode: 2 ** 31 + 0o500, uid: 0, gid: 0 }),
    aNode('device', { type: 'chardev', mode: 0o666, device: 0x103n, content: null }),
    aFile(repository, 'read only', text, { mode: 0o400, uid: 0, gid: 0, extendedAttributes: note }),
    aFile(repository, 'setuid', text, { mode: 0o755 + 2 ** 23, uid: 0, gid: 0 }),
    aFile(repository, 'unreadable', text, { mode: 0o000, uid: 0, gid: 0 }),
  ])
  for (const text of ['first', 'again', 'again']) {
    const { plan, result } = await restore(repository, tree(text), target)
    const failed = [...plan.problems.listed, ...result.failed.listed].map(({ error }) => error.message)
    console.log(JSON.stringify({ failed, warnings: result.warnings.map(({ problem, count }) => [problem, count]) }))
  }
`

test(
  'without root owners are left off with one warning, and a second restore enters closed folders (F9)',
  { skip: asRoot },
  async (t) => {
    const { target, folder } = setUp(t)
    fs.chmodSync(folder, 0o755)
    fs.mkdirSync(target)
    fs.chownSync(target, 65534, 65534)
    const args = ['--input-type=module', '-e', asNobody, target]
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
    assert.equal(status, 0, stderr)
    const device = '"device" is not restored: only root can make devices.'
    const rounds = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown)
    const warnings = [
      ['owner', 4],
      ['special', 1],
      ['attribute', 1],
    ]
    assert.deepEqual(
      rounds,
      [warnings, warnings, warnings].map((said) => ({ failed: [device], warnings: said })),
    )
    assert.equal(fs.readFileSync(join(target, 'closed', 'inside'), 'utf8'), 'again')
    const mode = (name: string) => fs.statSync(join(target, name)).mode & 0o7777
    assert.deepEqual(['closed', 'read only', 'setuid', 'unreadable'].map(mode), [0o500, 0o400, 0o755, 0])
  },
)

function mountTmpfs(cleanUp: (work: () => void) => void, path: string, options?: string, type = 'tmpfs') {
  fs.mkdirSync(path)
  const { status, stderr } = spawnSync('mount', ['-t', type, ...(options ? ['-o', options] : []), 'none', path])
  if (status !== 0) return { path, error: String(stderr).trim() || 'mount failed' }
  cleanUp(() => spawnSync('umount', ['-l', path]))
  return { path, error: undefined }
}

function codes(failures: readonly RestoreFailure[]): unknown[] {
  return failures.map(({ error }) => (error as { code?: unknown }).code)
}

/** Names, contents, modes, owners and times below a folder. */
function stateOf(root: string): unknown[] {
  return ['', ...namesBelow(root)].map((name) => {
    const { mode, uid, mtimeMs, size } = fs.lstatSync(join(root, name))
    return [name, mode, uid, mtimeMs, size]
  })
}
