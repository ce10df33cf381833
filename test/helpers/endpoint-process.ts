import { fileURLToPath } from 'node:url'
import { type RunningCommand, start } from './run.ts'

const driver = fileURLToPath(new URL('endpoint-driver.ts', import.meta.url))

export interface EndpointProcess extends AsyncDisposable {
  readonly port: number
  readonly command: RunningCommand
}

/** The repository endpoint in a process of its own, with its repositories in `folder/repositories`. */
export async function startEndpointProcess(folder: string): Promise<EndpointProcess> {
  const command = start(process.execPath, [driver, folder], { timeout: 5 * 60_000 })
  await command.printed(/listening on \d+/)
  const port = Number(/listening on (\d+)/.exec(command.output().stdout)?.[1])
  return { port, command, [Symbol.asyncDispose]: () => command[Symbol.asyncDispose]() }
}
