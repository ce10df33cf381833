/** Every rule that the linter is trusted with is broken here once: a rule that reports nothing guards nothing. */
import assert from 'node:assert/strict'
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { run } from '../test/helpers/run.ts'
import { tempFolder } from '../test/helpers/temp.ts'

const project = join(import.meta.dirname, '..')

const beforeAgent = [
  'base',
  'backend',
  'repository',
  'policy',
  'archiver',
  'restorer',
  'filesystem',
  'm365',
  'replication',
  'failover',
  'register',
  'protocol',
]

/** Which room may import which (docs/map.md). */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  base: [],
  backend: ['base'],
  repository: ['backend', 'base'],
  policy: ['base'],
  archiver: ['repository', 'base'],
  restorer: ['repository', 'base'],
  filesystem: ['archiver', 'restorer', 'base'],
  m365: ['archiver', 'restorer', 'base'],
  replication: ['archiver', 'restorer', 'repository', 'base'],
  failover: ['policy', 'base'],
  register: ['policy', 'base'],
  protocol: ['base'],
  agent: beforeAgent,
  server: ['protocol', 'policy', 'register', 'failover', 'repository', 'restorer', 'backend', 'base'],
  cli: [...beforeAgent, 'agent', 'server'],
  console: ['protocol'],
}
const rooms = Object.keys(mayImport)

test('a room imports the rooms that the table allows, and no other', async () => {
  const pairs = rooms.flatMap((room) => rooms.map((other) => [room, other] as const))
  const files = Object.fromEntries(pairs.map(([room, other]) => [`src/${room}/to-${other}.ts`, `import '#${other}'\n`]))
  const found = await lint(files)
  for (const [room, other] of pairs) {
    const refused = found.has(`src/${room}/to-${other}.ts eslint(no-restricted-imports)`)
    assert.equal(refused, !mayImport[room]?.includes(other), `${room} → ${other}`)
  }
})

/** Files that break one rule each. */
const violations: readonly (readonly [file: string, text: string, rule: string])[] = [
  ['src/policy/leaves.ts', `import '../base/errors.ts'`, 'eslint(no-restricted-imports)'],
  ['src/repository/format/leaves.ts', `import '../../backend/local.ts'`, 'eslint(no-restricted-imports)'],
  ['src/filesystem/inner.ts', `import '#repository/packer.ts'`, 'eslint(no-restricted-imports)'],
  ['src/cli/inner.ts', `import '#repository/packer.ts'`, 'eslint(no-restricted-imports)'],
  ['src/policy/inner.test.ts', `import '../base/errors.ts'`, 'eslint(no-restricted-imports)'],
  ['src/policy/type.ts', `export type { Backend } from '#backend'`, 'eslint(no-restricted-imports)'],
  ['src/policy/late.ts', `export const late = () => import('#backend')`, 'eslint(no-restricted-imports)'],
  ['src/repository/format/disk.ts', `import 'node:fs'`, 'eslint(no-restricted-imports)'],
  ['src/repository/format/disk2.ts', `import 'node:fs/promises'`, 'eslint(no-restricted-imports)'],
  ['src/repository/format/up.ts', `import '#backend'`, 'eslint(no-restricted-imports)'],
  [
    'src/repository/format/dice.ts',
    `import { randomBytes } from 'node:crypto'\nexport const x = randomBytes(1)`,
    'eslint(no-restricted-imports)',
  ],
  ['src/repository/format/clock.ts', `export const x = Date.now()`, 'eslint(no-restricted-properties)'],
  ['src/repository/format/chance.ts', `export const x = Math.random()`, 'eslint(no-restricted-properties)'],
  ['src/repository/format/timer.ts', `setTimeout(() => undefined, 1)`, 'eslint(no-restricted-globals)'],
  ['src/policy/circle-a.ts', `import { b } from './circle-b.ts'\nexport const a = () => b()`, 'import(no-cycle)'],
  [
    'src/policy/circle-b.ts',
    `import { a } from './circle-a.ts'\nexport const b = (): unknown => a()`,
    'import(no-cycle)',
  ],
  ['src/policy/floating.ts', `const f = async () => 1\nf()`, 'typescript(no-floating-promises)'],
  ['src/policy/any.ts', `export const x = (y: any) => String(y)`, 'typescript(no-explicit-any)'],
  ['src/policy/default.ts', `export default 1`, 'import(no-default-export)'],
  ['src/policy/console.ts', `console.log(1)`, 'eslint(no-console)'],
  ['src/policy/long.ts', 'export {}\n'.repeat(401), 'eslint(max-lines)'],
]

test('each rule reports a file that breaks it', async () => {
  const found = await lint(Object.fromEntries(violations))
  for (const [file, , rule] of violations) assert.ok(found.has(`${file} ${rule}`), `${file} should break ${rule}`)
})

test('what is allowed is not reported', async () => {
  const found = await lint({
    'test/helpers/help.ts': 'export const help = 1\n',
    'src/policy/inside.test.ts': `import { help } from '../../test/helpers/help.ts'\nimport { z } from '#backend'\nexport const x = [help, z]\n`,
    'src/repository/format/deep.ts': `import { y } from '../y.ts'\nimport { Buffer } from 'node:buffer'\nexport const x = [y, Buffer]\n`,
    'src/repository/y.ts': 'export const y = Date.now()\n',
    'src/cli/print.ts': 'console.log(1)\n',
    'src/policy/tests.test.ts': `import { test } from 'node:test'\ntest('is not awaited', async () => {})\n`,
  })
  assert.deepEqual([...found], [])
})

/** Lints files in a place of their own under the project's rules; gives `file rule` for each thing reported. */
async function lint(files: Readonly<Record<string, string>>): Promise<Set<string>> {
  await using place = await tempFolder()
  for (const name of ['.oxlintrc.json', 'tsconfig.json', 'package.json']) cpSync(join(project, name), place.join(name))
  symlinkSync(join(project, 'node_modules'), place.join('node_modules'))
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(place.join(file)), { recursive: true })
    writeFileSync(place.join(file), text)
  }
  const linter = join(project, 'node_modules', 'oxlint', 'bin', 'oxlint')
  const args = [linter, '--type-aware', '--format', 'json', 'src', ...('test/helpers/help.ts' in files ? ['test'] : [])]
  const { stdout, stderr } = await run(process.execPath, args, { cwd: place.path })
  assert.ok(stdout.startsWith('{'), `the linter did not run: ${stdout}${stderr}`)
  const { diagnostics } = JSON.parse(stdout) as { diagnostics: { filename: string; code: string }[] }
  return new Set(diagnostics.map(({ filename, code }) => `${filename} ${code}`))
}
