import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { tempFolder } from '../../../test/helpers/temp.ts'
import { MachineKey } from '../link/machine-key.ts'
import { ServerLink } from '../link/server-link.ts'
import { AgentFolder } from '../state.ts'
import { Reports } from './reports.ts'

/** A server that answers every call with the same status. */
async function answering(status: () => number) {
  const heard: string[] = []
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      const now = status()
      if (now === 200) heard.push(request.url ?? '')
      response.writeHead(now, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ code: 'SOME_CODE', message: 'So it is.', hint: 'Wait.' }))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    origin,
    heard,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

for (const [what, status, kept] of [
  ['whose database is away', 503, true],
  ['that has a mistake of its own', 500, true],
  ['that has too much to do', 429, true],
  ['of another version', 426, true],
  ['that does not know the machine, as after it was restored from a copy,', 401, true],
  ['to which the report makes no sense', 400, false],
  ['that knows nothing of what it is about', 404, false],
] as const) {
  test(`a report that goes to a server ${what} is ${kept ? 'kept and said later' : 'not said again'}`, async () => {
    await using folder = await tempFolder()
    let now: number = status
    await using server = await answering(() => now)
    const machine = { id: 'm', key: MachineKey.create() }
    const reports = new Reports(new AgentFolder(folder.path), new ServerLink(server, { version: '0' }), machine)
    await reports.say({ path: '/first', body: {} })
    now = 200
    await reports.say({ path: '/second', body: {} })
    assert.deepEqual(server.heard, kept ? ['/first', '/second'] : ['/second'])
  })
}
