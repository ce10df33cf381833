import assert from 'node:assert/strict'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { channelSchema } from '#protocol'
import { SettableClock } from '../../../test/helpers/settable-clock.ts'
import { Postman } from './channels/send.ts'
import { testChannel } from './test-channel.ts'
import { noon, oneMessage, sender } from './testing.ts'

test('whoever tries a channel reads what the other side said, good or bad', async () => {
  const heard: string[] = []
  const server = http.createServer((request, response) => {
    request.on('data', (chunk: Buffer) => heard.push(chunk.toString()))
    request.on('end', () =>
      request.url === '/good' ? response.end('ok') : response.writeHead(404).end('no_such_hook'),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.2', resolve))
  try {
    const { port } = server.address() as AddressInfo
    const clock = new SettableClock(noon)
    const postman = new Postman({ sender, clock, allowed: ['127.0.0.2'] })
    const tryOut = (path: string) => {
      const channel = channelSchema.parse({ id: 'c', name: 'C', kind: 'slack', url: `http://127.0.0.2:${port}${path}` })
      return testChannel(channel, { ...oneMessage().recipient, language: 'de' }, { postman, clock })
    }
    assert.deepEqual(await tryOut('/good'), { outcome: 'delivered', answer: '200, ok' })
    const bad = await tryOut('/bad')
    assert.equal(bad.outcome === 'failed' && bad.reason, '127.0.0.2 refuses the message: 404, no_such_hook.')
    assert.match(heard[0] ?? '', /Testmeldung.*Guten Tag Anna, dies ist ein Test/)
  } finally {
    await new Promise((resolve) => server.close(resolve))
  }
})
