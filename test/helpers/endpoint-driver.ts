/** The repository endpoint in a process of its own, to be killed or measured. Prints its port. */
import { join } from 'node:path'
import type { AddressInfo } from 'node:net'
import fastify from 'fastify'
import { FolderStorage, RepositoryEndpoint } from '../../src/server/endpoint/index.ts'
import { lockOwnersIn } from './endpoint-store.ts'

/** Every user name has the repository of that name; the password is `pass`. */
const folder = process.argv[2] as string
const storage = await FolderStorage.open(join(folder, 'repositories'), { keepFree: 0 })
const endpoint = new RepositoryEndpoint({
  storage,
  lockOwners: await lockOwnersIn(folder),
  authenticate: async (user, password) => (password === 'pass' ? { repository: user, machine: user } : undefined),
  limits: { mostOfOne: 2000 },
})
const app = fastify()
await app.register(endpoint.plugin, { prefix: '/repo' })
await app.listen({ port: 0, host: '127.0.0.1', backlog: 2000 })
process.stdout.write(`listening on ${(app.server.address() as AddressInfo).port}\n`)
