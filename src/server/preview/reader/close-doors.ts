import { Server, Socket } from 'node:net'
import { registerHooks } from 'node:module'

/**
 * Takes from this process what reading a file does not need, once all its modules are loaded and before the file is
 * looked into: loading modules, reading files (Node has been started with no other right to the disk), the network. This
 * is for the case that a file makes one of the readers run what it should not. The walls that the system has around
 * the process (reading-process.ts) do not depend on it.
 */
export function closeDoors(): void {
  registerHooks({
    resolve() {
      throw new Error('No module is loaded any more.')
    },
  })
  for (const name of ['fetch', 'WebSocket', 'EventSource', 'Worker', 'WebAssembly'])
    Reflect.deleteProperty(globalThis, name)
  for (const name of ['getBuiltinModule', 'binding', '_linkedBinding', 'dlopen', 'kill'])
    Reflect.deleteProperty(process, name)
  // Standard input leads to these.
  Socket.prototype.connect = refuse
  Server.prototype.listen = refuse
  // Not in the first releases of Node 24.
  const { permission } = process as { permission?: { drop?: (right: string) => void } }
  permission?.drop?.('fs.read')
}

function refuse(): never {
  throw new Error('There is no network here.')
}
