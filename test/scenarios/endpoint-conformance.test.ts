import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type BackendUnderTest, testBackend } from '../../src/backend/conformance.ts'
import { MemoryBackend, openBackend } from '../../src/backend/index.ts'
import { BackendStorage } from '../../src/server/endpoint/index.ts'
import { tombstonesIn } from '../helpers/endpoint-store.ts'
import { startEndpoint, type StartOptions } from '../helpers/endpoint-server.ts'
import { s3Services, startS3Server } from '../helpers/s3-server.ts'

/** Our own REST backend, talking to the endpoint: what it promises, as far as nothing can be deleted. */

testBackend('the repository endpoint, on a folder', () => openOnFolder(), { appendOnly: true })
testBackend('the repository endpoint, before another backend', () => openOnMemory(), { appendOnly: true })
for (const { name, skip } of s3Services()) {
  // rclone shows for a moment what came of an upload that was broken off; the endpoint sends it none of those.
  testBackend(`the repository endpoint, before S3 (${name})`, () => openOnS3(name), { skip, appendOnly: true })
}

async function openOnFolder(): Promise<BackendUnderTest> {
  return open({}, async ({ folder }, parts, bytes) => {
    const path = join(folder, 'repositories', 'anna', ...parts)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, bytes)
  })
}

async function openOnMemory(): Promise<BackendUnderTest> {
  const memory = new MemoryBackend()
  const openStorage = (folder: string) =>
    BackendStorage.open({ open: () => memory, openTombstones: tombstonesIn(folder), folder, keepFree: 0 })
  return open({ openStorage }, async (_, [folder = '', ...rest], bytes) => {
    memory.files.set(`${folder === 'data' ? 'pack' : folder}/${rest.at(-1)}`, Buffer.from(bytes))
  })
}

async function openOnS3(name: Parameters<typeof startS3Server>[0]): Promise<BackendUnderTest> {
  const service = await startS3Server(name)
  const openRepository = (repository: string) =>
    openBackend(`s3:http://127.0.0.1:${service.port}/bucket/${repository}`, { env: service.env, retryLimit: 0 })
  const openStorage = (folder: string) =>
    BackendStorage.open({ open: openRepository, openTombstones: tombstonesIn(folder), folder, keepFree: 0 })
  const plant = (_: unknown, parts: readonly string[], bytes: Uint8Array) =>
    service.plant(['bucket', 'anna', ...parts], bytes)
  const tested = await open({ openStorage }, plant)
  const dispose = async () => {
    await tested[Symbol.asyncDispose]()
    await service[Symbol.asyncDispose]()
  }
  return { ...tested, [Symbol.asyncDispose]: dispose }
}

async function open(
  options: StartOptions,
  plant: (server: { readonly folder: string }, parts: readonly string[], bytes: Uint8Array) => Promise<void>,
): Promise<BackendUnderTest> {
  const server = await startEndpoint(options)
  const backend = openBackend(server.location(), { retryLimit: 0, env: {} })
  await backend.create()
  return {
    backend,
    plant: (parts, bytes) => plant(server, parts, bytes),
    async [Symbol.asyncDispose]() {
      await backend[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}
