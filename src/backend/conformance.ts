import assert from 'node:assert/strict'
import { hash, randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import type { Backend, FileRef, FileType, ListedFile } from './backend.ts'
import { fileTypes } from './backend.ts'
import { BackendError } from './errors.ts'

/** A backend under test, empty and created, with what it stands on. */
export interface BackendUnderTest extends AsyncDisposable {
  readonly backend: Backend
  /** Puts a foreign or temporary file among the stored ones, by its path in restic's layout. */
  plant(path: readonly string[], bytes: Uint8Array): Promise<void>
}

export interface ConformanceOptions {
  /** Reason to skip; printed. */
  readonly skip?: string | false | undefined
  /** The other side refuses to delete anything but locks. */
  readonly appendOnly?: boolean | undefined
  /** The other side writes in place: what came of a broken upload is seen until it takes it away, a moment later. */
  readonly tidiesLater?: boolean | undefined
}

/** Checks every promise of `backend.ts` on an implementation. */
export function testBackend(
  name: string,
  open: () => Promise<BackendUnderTest>,
  options: ConformanceOptions = {},
): void {
  describe(`the promises of a backend, kept by ${name}`, { skip: options.skip }, () => {
    for (const [promise, check] of Object.entries({
      ...checks,
      ...(options.appendOnly ? appendOnlyChecks : deleteChecks),
    })) {
      test(promise, { timeout: 60_000 }, async () => {
        await using tested = await open()
        await check(tested, options)
      })
    }
  })
}

type Check = (tested: BackendUnderTest, options: ConformanceOptions) => Promise<void>

const checks: Record<string, Check> = {
  'an empty repository lists nothing, has no sizes and nothing to read': async ({ backend }) => {
    for (const type of fileTypes) {
      const file = type === 'config' ? { type, name: '' } : fileOf(type, randomBytes(8))
      assert.deepEqual(await listAll(backend, type), [])
      assert.equal(await backend.size(file), undefined)
      await rejectsWith('FILE_NOT_FOUND', backend.read(file))
      await rejectsWith('FILE_NOT_FOUND', backend.read(file, { range: { offset: 0, length: 1 } }))
    }
  },

  'what was written is listed, has its size and is read back, for every type': async ({ backend }) => {
    for (const type of fileTypes) {
      const bytes = randomBytes(1000)
      const file = fileOf(type, bytes)
      await backend.write(file, bytes)
      assert.deepEqual(await listAll(backend, type), [{ name: file.name, size: 1000 }])
      assert.equal(await backend.size(file), 1000)
      assert.deepEqual(await backend.read(file), bytes)
    }
  },

  'empty, tiny and large files come back byte for byte': async ({ backend }) => {
    for (const size of [0, 1, 4095, 65_536, 1_000_003, 17 << 20]) {
      const bytes = randomBytes(size)
      const file = fileOf('pack', bytes)
      await backend.write(file, bytes)
      assert.equal(await backend.size(file), size)
      const read = await backend.read(file)
      assert.ok(read.equals(bytes), `${size} bytes`)
      assert.equal(read.buffer.byteLength, size, 'the memory is its own, so that it can be transferred')
    }
  },

  'ranges give exactly the bytes asked for': async ({ backend }) => {
    const bytes = randomBytes(300_000)
    const file = fileOf('pack', bytes)
    await backend.write(file, bytes)
    for (const [offset, length] of [
      [0, 1],
      [0, 300_000],
      [299_999, 1],
      [70_000, 131_072],
      [5, 0],
      [300_000, 0],
    ] as const) {
      const part = await backend.read(file, { range: { offset, length } })
      assert.ok(part.equals(bytes.subarray(offset, offset + length)), `${offset}+${length}`)
    }
  },

  'a range beyond the end fails, wherever it begins': async ({ backend }) => {
    const bytes = randomBytes(100)
    const file = fileOf('pack', bytes)
    await backend.write(file, bytes)
    for (const [offset, length] of [
      [0, 101],
      [99, 2],
      [100, 1],
      [5000, 10],
      [101, 0],
    ] as const) {
      const error = await rejectsWith('FILE_TOO_SHORT', backend.read(file, { range: { offset, length } }))
      assert.equal(error.transient, false)
    }
  },

  'the same bytes may be written again, other bytes never replace them': async ({ backend }) => {
    for (const type of ['config', 'key', 'pack'] as const) {
      const bytes = randomBytes(500)
      const file = fileOf(type, bytes)
      await backend.write(file, bytes)
      await backend.write(file, bytes)
      for (const other of [randomBytes(500), randomBytes(10)]) {
        const error = await rejectsWith(['FILE_EXISTS', 'STORAGE_FAILED'], backend.write(file, other))
        if (type === 'config') assert.equal(error.code, 'FILE_EXISTS')
      }
      assert.deepEqual(await backend.read(file), bytes)
    }
  },

  'of two configs written at once one wins, and stays': async ({ backend }) => {
    const configs = [randomBytes(200), randomBytes(200)] as const
    const results = await Promise.allSettled(configs.map((bytes) => backend.write({ type: 'config', name: '' }, bytes)))
    const stored = await backend.read({ type: 'config', name: '' })
    assert.ok(configs.some((bytes) => bytes.equals(stored)))
    const lost = results.filter((result) => result.status === 'rejected')
    assert.deepEqual(
      lost.map(({ reason }) => (reason as BackendError).code),
      ['FILE_EXISTS'],
    )
  },

  'calls may overlap freely': async ({ backend }) => {
    const all = Array.from({ length: 24 }, (_, i) => randomBytes(1000 + i * 20_000))
    await Promise.all(all.map((bytes) => backend.write(fileOf('pack', bytes), bytes)))
    const read = await Promise.all(all.map((bytes) => backend.read(fileOf('pack', bytes))))
    read.forEach((bytes, i) => assert.ok(bytes.equals(all[i] as Buffer)))
    const names = (await listAll(backend, 'pack')).map(({ name }) => name)
    assert.deepEqual(names.toSorted(), all.map((bytes) => fileOf('pack', bytes).name).toSorted())
  },

  'temporary and foreign files are passed over': async (storage) => {
    const { backend } = storage
    const bytes = randomBytes(100)
    const { name } = fileOf('pack', bytes)
    await backend.write(fileOf('index', bytes), bytes)
    await backend.write(fileOf('pack', bytes), bytes)
    for (const folder of [['index'], ['data', name.slice(0, 2)]]) {
      for (const foreign of [
        `${name}-tmp-12345`,
        `.${name}`,
        `${name}~`,
        name.toUpperCase(),
        'README',
        '{"name":"x]"}',
      ]) {
        await storage.plant([...folder, foreign], randomBytes(10))
      }
    }
    assert.deepEqual(await listAll(backend, 'index'), [{ name, size: 100 }])
    assert.deepEqual(await listAll(backend, 'pack'), [{ name, size: 100 }])
  },

  'creating again harms nothing': async ({ backend }) => {
    const bytes = randomBytes(100)
    await backend.write(fileOf('snapshot', bytes), bytes)
    await backend.create()
    assert.deepEqual(await backend.read(fileOf('snapshot', bytes)), bytes)
  },

  'an aborted signal ends every call with its reason, and nothing is stored': async ({ backend }) => {
    const bytes = randomBytes(100)
    const file = fileOf('pack', bytes)
    const reason = new Error('no longer wanted')
    const signal = AbortSignal.abort(reason)
    const isReason = (thrown: unknown) => thrown === reason
    await assert.rejects(backend.create({ signal }), isReason)
    await assert.rejects(Array.fromAsync(backend.list('pack', { signal })), isReason)
    await assert.rejects(backend.size(file, { signal }), isReason)
    await assert.rejects(backend.read(file, { signal }), isReason)
    await assert.rejects(backend.write(file, bytes, { signal }), isReason)
    await assert.rejects(backend.delete(file, { signal }), isReason)
    assert.equal(await backend.size(file), undefined)
  },

  'a write that is aborted on its way stores all or nothing': async ({ backend }, { tidiesLater = false }) => {
    const bytes = randomBytes(12 << 20)
    const file = fileOf('pack', bytes)
    const controller = new AbortController()
    const reason = new Error('no longer wanted')
    const progress = () => controller.abort(reason)
    const failed = await backend.write(file, bytes, { signal: controller.signal, progress }).then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    assert.ok(failed === undefined || failed === reason, String(failed))
    const isTidy = (stored: number | undefined) => stored === undefined || stored === bytes.length
    let size = await backend.size(file)
    for (let looks = tidiesLater ? 100 : 0; !isTidy(size) && looks > 0; looks--) {
      await setTimeout(50)
      size = await backend.size(file)
    }
    assert.ok(isTidy(size), `${size}`)
  },
}

const deleteChecks: Record<string, Check> = {
  'what was deleted is gone, and deleting it again succeeds': async ({ backend }) => {
    for (const type of ['key', 'lock', 'snapshot', 'index', 'pack'] as const) {
      const bytes = randomBytes(100)
      const file = fileOf(type, bytes)
      await backend.write(file, bytes)
      await backend.delete(file)
      await backend.delete(file)
      assert.equal(await backend.size(file), undefined)
      assert.deepEqual(await listAll(backend, type), [])
      await backend.write(file, bytes)
      assert.deepEqual(await backend.read(file), bytes)
    }
  },
}

const appendOnlyChecks: Record<string, Check> = {
  'nothing but locks can be deleted, and the refusal says so': async ({ backend }) => {
    for (const type of ['key', 'snapshot', 'index', 'pack'] as const) {
      const bytes = randomBytes(100)
      await backend.write(fileOf(type, bytes), bytes)
      await rejectsWith('ACCESS_DENIED', backend.delete(fileOf(type, bytes)))
      assert.deepEqual(await backend.read(fileOf(type, bytes)), bytes)
    }
    const lock = randomBytes(100)
    await backend.write(fileOf('lock', lock), lock)
    await backend.delete(fileOf('lock', lock))
    assert.deepEqual(await listAll(backend, 'lock'), [])
  },
}

/** The file that holds `bytes`, named as in a repository. */
export function fileOf(type: FileType, bytes: Uint8Array): FileRef {
  return { type, name: type === 'config' ? '' : hash('sha256', bytes, 'hex') }
}

/** Names and sizes; an age, where the storage tells one, differs from call to call. */
export async function listAll(backend: Backend, type: FileType): Promise<ListedFile[]> {
  return Array.fromAsync(backend.list(type), ({ name, size }) => ({ name, size }))
}

/** Asserts that `call` fails with a `BackendError` of this code (or one of them), and gives it back. */
export async function rejectsWith(codes: string | readonly string[], call: Promise<unknown>): Promise<BackendError> {
  const thrown = await call.then(
    () => assert.fail(`succeeded instead of failing with ${String(codes)}`),
    (reason: unknown) => reason,
  )
  assert.ok(thrown instanceof BackendError, `not a BackendError: ${String(thrown)}`)
  assert.ok([codes].flat().includes(thrown.code), `${thrown.code} instead of ${String(codes)}: ${thrown.message}`)
  return thrown
}
