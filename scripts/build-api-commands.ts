/**
 * Makes `src/cli/api/api-commands.json`, the commands that calls of the API have, from the server's routes. With `--check`
 * nothing is written; it fails when the table is not current. A line for each command, so that changes meet in few places.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describeCommands } from '../src/server/app/describe-commands.ts'
import { routes } from '../src/server/routes/index.ts'

const file = 'src/cli/api/api-commands.json'
const path = join(import.meta.dirname, '..', file)

const lines = describeCommands(routes).map((command) => `  ${JSON.stringify(command)}`)
const text = `[\n${lines.join(',\n')}\n]\n`

if (!existsSync(path) || readFileSync(path, 'utf8') !== text) {
  if (process.argv.includes('--check')) {
    process.stderr.write(`${file} is not current: run \`node scripts/build-api-commands.ts\`.\n`)
    process.exitCode = 1
  } else writeFileSync(path, text)
}
