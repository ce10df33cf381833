/**
 * `npm run check`: format, lint, types, and that what is made from the sources is what is committed. Everything runs, even
 * when something before it failed, so that one run shows all that is wrong.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

const project = join(import.meta.dirname, '..')

interface Step {
  readonly name: string
  /** Arguments of Node: a program of node_modules, or a script of ours. */
  readonly args: readonly string[]
}

const steps: readonly Step[] = [
  { name: 'format', args: ['node_modules/oxfmt/bin/oxfmt', '--check', '.'] },
  { name: 'lint', args: ['node_modules/oxlint/bin/oxlint', '--type-aware', '--deny-warnings', '.'] },
  { name: 'types', args: ['node_modules/typescript/bin/tsc', '--noEmit', '-p', '.'] },
  { name: 'types of the console', args: ['node_modules/typescript/bin/tsc', '--noEmit', '-p', 'src/console'] },
  { name: 'types as released', args: ['node_modules/typescript/bin/tsc', '--noEmit', '-p', 'tsconfig.released.json'] },
  { name: 'wasm is a rebuild', args: ['scripts/build-wasm.ts', '--check'] },
  { name: 'commands are those of the routes', args: ['scripts/build-api-commands.ts', '--check'] },
  { name: 'docs are current', args: ['scripts/build-docs.ts', '--check'] },
]

/** Runs a step and shows its words only when it failed. */
function passes({ name, args: [program = '', ...rest] }: Step): boolean {
  const path = join(project, program)
  if (!existsSync(path)) return report(name, false, `${program} is not there: run \`npm ci\`.\n`)
  const { status, stdout, stderr } = spawnSync(process.execPath, [path, ...rest], { cwd: project, encoding: 'utf8' })
  return report(name, status === 0, `${stdout}${stderr}`)
}

function report(name: string, passed: boolean, words: string): boolean {
  process.stdout.write(passed ? `ok      ${name}\n` : `${words}FAILED  ${name}\n`)
  return passed
}

const failed = steps.filter((step) => !passes(step))
process.stdout.write(
  failed.length === 0 ? 'All checks passed.\n' : `Failed: ${failed.map(({ name }) => name).join(', ')}.\n`,
)
process.exitCode = failed.length === 0 ? 0 : 1
