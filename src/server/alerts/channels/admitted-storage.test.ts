import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { openBackend } from '#backend'
import type { Admit } from '#backend'
import { AddressGuard } from './address-guard.ts'

/** Clients' destinations: what is in the server's own network is not reached by them, however they are written. */

const config = { type: 'config', name: '' } as const
const keys = { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' }

test('an address of the own network is refused, for rest and S3, and nothing is sent to it', async () => {
  await using inside = await web()
  const guard = new AddressGuard()
  const admit: Admit = async (host) => await guard.addressesOf(host)
  for (const location of [`rest:http://127.0.0.1:${inside.port}/`, `s3:http://127.0.0.1:${inside.port}/bucket`]) {
    await using backend = openBackend(location, { admit, env: keys, retryLimit: 60_000 })
    await assert.rejects(backend.read(config), { code: 'ALERT_ADDRESS_REFUSED' })
  }
  assert.deepEqual(inside.asked, [])
})

test('a name that led outside when it was entered, and now leads inside, is refused; what is judged is what is connected to', async () => {
  await using inside = await web()
  const answers = ['1.1.1.1', '127.0.0.1']
  let last = ''
  const guard = new AddressGuard({ resolve: async () => [{ address: (last = answers.shift() ?? last) }] })
  await guard.addressesOf('moving.example') // when it was entered
  const location = `rest:http://moving.example:${inside.port}/`
  await using backend = openBackend(location, { admit: async (host) => await guard.addressesOf(host), env: {} })
  await assert.rejects(backend.read(config), { code: 'ALERT_ADDRESS_REFUSED' })
  assert.deepEqual(inside.asked, [])
})

test('a storage that is admitted and redirects into the own network gets nobody there', async () => {
  await using inside = await web()
  await using outside = await web(`http://inside.example:${inside.port}/config`)
  const asked: string[] = []
  const admit: Admit = async (host) => {
    asked.push(host)
    if (host !== 'outside.example') throw new TypeError('refused here')
    return [{ address: '127.0.0.1', family: 4 }]
  }
  await using backend = openBackend(`rest:http://outside.example:${outside.port}/`, { admit, env: {} })
  await assert.rejects(backend.read(config), /refused here/)
  assert.deepEqual(asked, ['outside.example', 'inside.example'])
  assert.deepEqual([outside.asked.length, inside.asked.length], [1, 0])
})

async function web(redirectsTo?: string) {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    response.writeHead(
      redirectsTo === undefined ? 200 : 302,
      redirectsTo === undefined ? {} : { location: redirectsTo },
    )
    response.end('what nobody may see')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    asked,
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((closed) => server.close(closed))
    },
  }
}
