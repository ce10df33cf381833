import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Environment } from './environment.ts'

/** Where the server keeps what is its own, if nothing else is said: below `/var/lib/understudy` for root, else in the home. */
export function serverFolder(env: Environment): string {
  return join(dataFolder(env), 'server')
}

/** The same for the agent of this machine. */
export function agentFolder(env: Environment): string {
  return join(dataFolder(env), 'agent')
}

function dataFolder(env: Environment): string {
  if (process.getuid?.() === 0) return '/var/lib/understudy'
  return join(env.variables['XDG_DATA_HOME'] || join(homedir(), '.local', 'share'), 'understudy')
}
