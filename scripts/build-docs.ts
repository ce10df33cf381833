/**
 * Makes the parts of the manual that are made from the program itself: `docs/commands.md` from the commands' own help,
 * `docs/errors.md` from the rooms' error tables, and in `README.md` the table of what each kind of machine gets. With `--check` nothing is written; it fails when a page is not current.
 */
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { ErrorEntry, ErrorTable } from '#base'
import { renderMachineKinds } from '#protocol'
import type { Command } from 'commander'
import { createProgram, loadCommands } from '../src/cli/program.ts'

const project = join(import.meta.dirname, '..')
const generated = '<!-- Made by scripts/build-docs.ts: `node scripts/build-docs.ts` writes it anew. -->'

/** Exit codes, the same as restic's, so that scripts find what they know. */
const exitCodes: readonly (readonly [code: number, meaning: string])[] = [
  [0, 'Everything was done.'],
  [1, 'It was not done; the message says why.'],
  [3, 'A backup was made, but something could not be read; or not every snapshot could be removed.'],
  [10, 'There is no repository at that location.'],
  [11, 'The repository is locked by somebody else.'],
  [12, 'The password is wrong.'],
  [130, 'It was interrupted (Ctrl-C).'],
]

/** The pages and their text. */
async function pages(): Promise<Record<string, string>> {
  return {
    'docs/commands.md': commandsPage(await loadProgram()),
    'docs/errors.md': errorsPage(await loadErrorTables()),
    'README.md': withMachineKinds(readFileSync(join(project, 'README.md'), 'utf8')),
  }
}

const tableBegins =
  '<!-- What each kind of machine gets: `node scripts/build-docs.ts` writes it anew from src/protocol/machine-kinds.ts. -->'
const tableEnds = '<!-- End of what each kind of machine gets. -->'

/** The page with the table that the API has, too, between its marks. */
function withMachineKinds(readme: string): string {
  const [begin, end] = [readme.indexOf(tableBegins), readme.indexOf(tableEnds)]
  if (begin < 0 || end < begin) throw new Error('README.md has lost the marks of the table of machine kinds.')
  return `${readme.slice(0, begin)}${tableBegins}\n\n${renderMachineKinds()}\n${readme.slice(end)}`
}

async function loadProgram(): Promise<Command> {
  const program = createProgram()
  await loadCommands(program)
  return program
}

/** The error tables of all rooms, by room: what their `errors.ts` export that is a table. A code stands for one thing only. */
async function loadErrorTables(): Promise<Map<string, ErrorTable>> {
  const rooms = new Map<string, ErrorTable>()
  const codes = new Map<string, string>()
  for (const file of globSync('src/**/errors.ts', { cwd: project }).toSorted()) {
    const room = file.split(/[\\/]/)[1] as string
    const exported = (await import(pathToFileURL(join(project, file)).href)) as Record<string, unknown>
    const tables = Object.values(exported).filter(isErrorTable)
    for (const code of tables.flatMap((table) => Object.keys(table))) {
      const other = codes.get(code)
      if (other !== undefined) throw new Error(`The code ${code} is in two tables: ${other} and ${file}.`)
      codes.set(code, file)
    }
    if (tables.length > 0) rooms.set(room, Object.assign({}, rooms.get(room), ...tables) as ErrorTable)
  }
  return rooms
}

function isErrorTable(value: unknown): value is ErrorTable {
  if (typeof value !== 'object' || value === null) return false
  const entries = Object.values(value)
  return entries.length > 0 && entries.every((entry) => isErrorEntry(entry))
}

function isErrorEntry(value: unknown): value is ErrorEntry {
  return typeof value === 'object' && value !== null && 'message' in value && 'hint' in value
}

function errorsPage(rooms: ReadonlyMap<string, ErrorTable>): string {
  const codes = exitCodes.map(([code, meaning]) => `| ${code} | ${meaning} |`)
  const sections = [...rooms].map(([room, table]) => {
    const rows = Object.entries(table).map(
      ([code, { message, hint, exitCode = 1 }]) => `| \`${code}\` | ${cell(message)} | ${cell(hint)} | ${exitCode} |`,
    )
    return [
      `## ${room}`,
      '',
      '| code | what it says | what to do | exit code |',
      '|---|---|---|---|',
      ...rows,
      '',
    ].join('\n')
  })
  return [
    '# Errors and exit codes',
    '',
    generated,
    '',
    'A code never changes its meaning, so scripts may rely on it; sentences may change. `{…}` stands for a detail.',
    '',
    '## Exit codes',
    '',
    '| code | meaning |',
    '|---|---|',
    ...codes,
    '',
    ...sections,
  ].join('\n')
}

function commandsPage(program: Command): string {
  const sections = allCommands(program).map(({ path, command }) =>
    [`## ${path}`, '', '```', helpOf(command), '```', ''].join('\n'),
  )
  return ['# Commands', '', generated, '', ...sections].join('\n')
}

/** What `--help` prints, at one width everywhere, so that the page does not depend on the terminal it is made in. */
function helpOf(command: Command): string {
  let text = ''
  command.configureOutput({
    writeOut: (part) => (text += part),
    getOutHelpWidth: () => 110,
    getOutHasColors: () => false,
  })
  command.outputHelp()
  return text.trim()
}

function allCommands(command: Command, prefix = ''): { readonly path: string; readonly command: Command }[] {
  const path = `${prefix}${command.name()}`
  return [{ path, command }, ...command.commands.flatMap((sub) => allCommands(sub, `${path} `))]
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;')
}

async function main(check: boolean): Promise<void> {
  for (const [file, text] of Object.entries(await pages())) {
    const path = join(project, file)
    if (existsSync(path) && readFileSync(path, 'utf8') === text) continue
    if (check) fail(`${file} is not current: run \`node scripts/build-docs.ts\`.`)
    else writeFileSync(path, text)
  }
}

function fail(sentence: string): void {
  process.stderr.write(`${sentence}\n`)
  process.exitCode = 1
}

try {
  await main(process.argv.includes('--check'))
} catch (error) {
  fail((error as Error).message)
}
