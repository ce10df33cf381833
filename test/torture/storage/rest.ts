import { missing } from '../../helpers/peers.ts'
import { startRestServer } from '../../helpers/rest-server.ts'
import { FaultProxy } from '../faults/fault-proxy.ts'
import type { Storage } from './index.ts'

/** restic's own REST server, behind a line that can go wrong. */
export async function restStorage(): Promise<Storage | string> {
  const absent = missing('rest-server')
  if (absent !== false) return absent
  const server = await startRestServer()
  const proxy = await FaultProxy.start(server.port)
  return {
    kind: 'rest',
    folder: `${server.folder}/repository`,
    location: `rest:http://127.0.0.1:${proxy.port}/repository/`,
    disturbNetwork(trouble) {
      const before = proxy.mishaps
      proxy.trouble(trouble)
      return () => {
        proxy.trouble(undefined)
        return proxy.mishaps - before
      }
    },
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}
