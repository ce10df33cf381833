import { createServer } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface FakeCall {
  readonly method: string
  /** With its query. */
  readonly path: string
  readonly body: unknown
  readonly authorization: string | undefined
}

/** A server that answers as a test says: 200 with a value, or whatever status with a text. */
export type FakeAnswer = { readonly json: unknown } | { readonly status: number; readonly text: string }

export interface FakeApi extends AsyncDisposable {
  readonly url: string
  /** What it was asked, in order. */
  readonly calls: readonly FakeCall[]
}

export async function startFakeApi(answer: (call: FakeCall) => FakeAnswer): Promise<FakeApi> {
  const calls: FakeCall[] = []
  const server = createServer((request, response) => {
    void readCall(request).then((call) => {
      calls.push(call)
      const given = answer(call)
      if ('json' in given) return response.end(JSON.stringify(given.json))
      return response.writeHead(given.status).end(given.text)
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
}

async function readCall(request: IncomingMessage): Promise<FakeCall> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString('utf8')
  const { method = '', url: path = '', headers } = request
  return { method, path, body: text === '' ? undefined : JSON.parse(text), authorization: headers.authorization }
}
