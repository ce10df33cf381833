import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { test } from 'node:test'
import { runOk } from '../../test/helpers/run.ts'
import { tempFolder } from '../../test/helpers/temp.ts'
import { fileOf, listAll, rejectsWith } from './conformance.ts'
import { LocalBackend } from './local.ts'

/** The local storage against real faults of the system: a disk that fills up, an fsync that fails in the kernel. */

test(
  'a disk that fills up says so for every type, loses nothing, and takes files again once there is room',
  { skip: noLoopMounts(), timeout: 60_000 },
  async () => {
    await using folder = await tempFolder()
    await using disk = await mountSmallDisk(folder.path)
    const backend = new LocalBackend(disk.path)
    await backend.create()
    const stored = await fillUp(backend)
    for (const type of ['config', 'key', 'lock', 'snapshot', 'index', 'pack'] as const) {
      const bytes = randomBytes(300_000)
      await rejectsWith('STORAGE_FULL', backend.write(fileOf(type, bytes), bytes))
      assert.equal(await backend.size(fileOf(type, bytes)), undefined)
    }
    const listed = await listAll(backend, 'pack')
    assert.deepEqual(
      listed.map(({ name }) => name).toSorted(),
      stored.map((bytes) => fileOf('pack', bytes).name).toSorted(),
    )
    for (const bytes of stored) assert.ok((await backend.read(fileOf('pack', bytes))).equals(bytes))
    await backend.delete(fileOf('pack', stored[0] as Buffer))
    await backend.write(fileOf('index', Buffer.from('{}')), Buffer.from('{}'))
  },
)

test(
  'when the kernel fails an fsync with EIO the file is written anew, not synced again',
  { skip: noStrace(), timeout: 60_000 },
  async () => {
    await using folder = await tempFolder()
    await new LocalBackend(folder.path).create()
    const inject = ['-f', '-qq', '-e', 'trace=fsync', '-e', 'inject=fsync:error=EIO:when=1']
    const trace = folder.join('trace')
    const args = [...inject, '-o', trace, process.execPath, '--input-type=module', '--eval', storeOnce, folder.path]
    const output = await runOk('strace', args, { env: { UV_USE_IO_URING: '0' }, timeout: 50_000 })
    assert.match(output, /retried after: .*EIO/)
    assert.match(output, /stored and read back/)
    assert.equal((await listAll(new LocalBackend(folder.path), 'pack')).length, 1)
  },
)

const storeOnce = `
  import { hash, randomBytes } from 'node:crypto'
  import { LocalBackend } from ${JSON.stringify(new URL('local.ts', import.meta.url).href)}
  import { RetryBackend } from ${JSON.stringify(new URL('retry.ts', import.meta.url).href)}
  const report = ({ error }) => console.log('retried after: ' + error.message)
  await using backend = new RetryBackend(new LocalBackend(process.argv[1]), { first: 1, report })
  const bytes = randomBytes(5000)
  const file = { type: 'pack', name: hash('sha256', bytes, 'hex') }
  await backend.write(file, bytes)
  if ((await backend.read(file)).equals(bytes)) console.log('stored and read back')`

async function fillUp(backend: LocalBackend): Promise<Buffer[]> {
  const stored: Buffer[] = []
  for (let size = 1 << 20; size >= 4096;) {
    const bytes = randomBytes(size)
    const isStored = await backend.write(fileOf('pack', bytes), bytes).then(
      () => true,
      () => false,
    )
    if (isStored) stored.push(bytes)
    else size = size >> 1
  }
  return stored
}

async function mountSmallDisk(folder: string): Promise<AsyncDisposable & { readonly path: string }> {
  const [image, path] = [`${folder}/disk`, `${folder}/mounted`]
  await mkdir(path)
  await runOk('truncate', ['-s', '12M', image])
  await runOk('mkfs.ext4', ['-q', '-F', image])
  await runOk('mount', ['-o', 'loop', image, path])
  return { path, [Symbol.asyncDispose]: async () => void (await runOk('umount', [path])) }
}

function noLoopMounts(): string | false {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'kernel: only root on Linux mounts loop devices'
  if (spawnSync('losetup', ['-f']).status !== 0) return 'kernel: no loop device is free'
  return spawnSync('mkfs.ext4', ['-V']).status !== 0 && 'missing: mkfs.ext4'
}

function noStrace(): string | false {
  if (spawnSync('strace', ['-V']).status !== 0) return 'missing: strace'
  return spawnSync('strace', ['-o', '/dev/null', 'true']).status !== 0 && 'kernel: strace may not trace here'
}
