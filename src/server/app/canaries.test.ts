import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { everyClient } from '#protocol'
import { keyOf, makeClient } from '../../../test/helpers/made-client.ts'
import { storeKinds } from '../../../test/helpers/stores.ts'
import { TestServer } from '../../../test/helpers/test-server.ts'
import { createOwnerLink } from '../people/set-up-links.ts'
import { routes } from '../routes/index.ts'

/** Secrets that can be recognised: whoever reads the database, the log or an answer finds none of them. */
const password = 'canary-of-a-persons-password'
const repositoryPassword = 'canary-of-a-repository-password'

for (const kind of storeKinds) {
  test(
    `${kind.name}: no secret is in the database, in the log, or in what a call answers later`,
    { skip: kind.skip },
    async () => {
      const lines: string[] = []
      const logger = { level: 'trace', stream: { write: (line: string) => void lines.push(line) } }
      await using server = await TestServer.open(kind, { logger })
      const link = (await createOwnerLink(server.services))?.split('#')[1] ?? ''
      const email = 'owner@example.org'
      await server.call('POST', '/api/set-up', { body: { token: link, email, name: 'Owner', password } })
      await server.call('POST', '/api/auth/sign-in/email', {
        headers: { origin: 'http://localhost:8484' },
        body: { email, password },
      })
      const owner = await server.tokenOf(await server.person({ [everyClient]: 'owner' }))
      const made = await makeClient(server, 'bakery')
      const line = await server.call('POST', `/api/clients/${made.client}/enrolment-lines`, {
        headers: owner,
        body: {},
      })
      const lineSecret = (line.json as { line: string }).line.split('#')[1] ?? ''
      const access = await asMachine(server, made.machine, '/api/machine/repository', { password: repositoryPassword })
      const { secret: repositorySecret } = access as { secret: string }
      // A call that fails with secrets in it must not tell the log of them either.
      await asMachine(server, made.machine, '/api/machine/repository', { password: repositoryPassword, more: [] })
      await server.call('POST', '/api/enrol', { body: { secret: lineSecret, publicKey: 1 } })
      const token = (owner['authorization'] ?? '').replace('Bearer ', '')

      const canaries = { password, repositoryPassword, link, lineSecret, repositorySecret, token }
      for (const secret of Object.values(canaries)) assert.ok(secret.length > 15)
      const places: Record<string, string> = { database: await dump(server), log: lines.join('') }
      const ids = new Map(Object.entries(made))
      for (const one of routes) {
        if (one.method !== 'GET' || one.sends === 'events') continue
        const url = one.path.replaceAll(/:([A-Za-z]+)/g, (_, name: string) => ids.get(name) ?? made.client)
        places[one.path] = (await server.call('GET', url, { headers: owner })).text
      }
      for (const [name, secret] of Object.entries(canaries)) {
        const forms = [secret, Buffer.from(secret).toString('base64'), Buffer.from(secret).toString('hex')]
        for (const [place, text] of Object.entries(places)) {
          for (const form of forms) assert.ok(!text.includes(form), `the ${name} is in ${place}`)
        }
      }
    },
  )
}

async function asMachine(server: TestServer, machine: string, path: string, body: object): Promise<unknown> {
  const { authorization } = keyOf(machine).header('POST', path, server.clock.now(), JSON.stringify(body))
  return (await server.call('POST', path, { headers: { authorization }, body })).json
}

/** All that the database holds. */
async function dump({ services }: TestServer): Promise<string> {
  const { db } = services.store
  const tables = await db.introspection.getTables()
  const rows = tables.map(async ({ name }) => (await sql`select * from ${sql.table(name)}`.execute(db)).rows)
  return JSON.stringify(await Promise.all(rows))
}
