import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import test from 'node:test'

import type { SourceFolder } from '#archiver'
import fc from 'fast-check'

import { missing, peer } from '../../test/helpers/peers.ts'
import { run, runOk } from '../../test/helpers/run.ts'
import { seeded } from '../../test/helpers/seed.ts'
import { tempFolder } from '../../test/helpers/temp.ts'
import { compileExcludes, parseSize } from './exclude.ts'
import type { ExcludeOptions } from './exclude.ts'
import { expandVariables, readPatternFile } from './pattern-file.ts'
import { createFileSource } from './source.ts'

const names = ['a', 'b', 'ab', 'A', 'x.o', 'y.O', '[a]', 'a-b', 'é', '日本', 'Ä', '!a', '#a', 'a b', 'z*z', '.nobackup']

/** Folders three deep with a file under every name; big enough for patterns to find something, small enough for restic. */
function makeTree(root: string): void {
  const folders = ['', 'a', 'b', 'a/ab', 'a/b', 'b/a', 'b/a/x.o', 'é/日本', 'A/b', 'ab/a/a']
  for (const folder of folders) mkdirSync(path.join(root, folder), { recursive: true })
  for (const folder of folders) {
    for (const name of names) {
      const file = path.join(root, folder, name)
      if (name === '.nobackup' && folder !== 'b/a') continue
      try {
        writeFileSync(file, 'x'.repeat(name.length * 600), { flag: 'wx' })
      } catch {
        // A folder of that name is there.
      }
    }
  }
  mkdirSync(path.join(root, 'cache'))
  writeFileSync(path.join(root, 'cache/CACHEDIR.TAG'), 'Signature: 8a477f597d28d172789f06886806bc55 and more')
  writeFileSync(path.join(root, 'cache/junk'), 'x')
  mkdirSync(path.join(root, 'nocache/sub'), { recursive: true })
  writeFileSync(path.join(root, 'nocache/CACHEDIR.TAG'), 'Signature: no')
  writeFileSync(path.join(root, 'nocache/sub/kept'), 'x')
}

async function walk(target: string, options: ExcludeOptions, workingFolder: string): Promise<string[]> {
  const source = await createFileSource([target], {
    excludes: compileExcludes(options),
    workingFolder: Buffer.from(workingFolder),
  })
  const found: string[] = []
  const waiting: [folder: SourceFolder, path: string][] = [[source.root, '']]
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const [folder, above] = next
    const { entries, problems } = await source.list(folder)
    assert.deepEqual(problems, [])
    for (const entry of entries) {
      const place = `${above}/${entry.name.toString()}`
      found.push(entry.folder ? `${place}/` : place)
      if (entry.folder) waiting.push([entry.folder, place])
    }
  }
  return found.sort()
}

const component = fc.oneof(
  fc.constantFrom(
    '*',
    '**',
    '**',
    '**',
    '**',
    '?',
    'a*',
    '*b',
    '*.o',
    '[ab]',
    '[^a]',
    '[a-c]*',
    '\\[a\\]',
    '??',
    '*a*',
    'a?b',
    '?*',
    '[é-ö]',
  ),
  fc.constantFrom(...names.map((name) => name.replace(/[*[\]]/g, '\\$&'))),
)
const pattern = fc
  .tuple(
    fc.constantFrom('', '', '!', '/', '!/', '/ROOT/', '/ROOT/', '!/ROOT/'),
    fc.array(component, { minLength: 1, maxLength: 5 }),
  )
  .map(([start, components]) => start + components.join('/'))
const excludeOptions = fc.record({
  patterns: fc.array(pattern, { maxLength: 5 }),
  insensitivePatterns: fc.array(pattern, { maxLength: 2 }),
  caches: fc.boolean(),
  ifPresent: fc.constantFrom([], ['.nobackup'], ['CACHEDIR.TAG:Signature: no', 'b']),
  largerThan: fc.constantFrom('', '1k', '2000'),
})

test('what is excluded is what restic excludes', { skip: missing('restic') }, async () => {
  await using folder = await tempFolder()
  const root = folder.join('root')
  makeTree(root)
  const env = { RESTIC_REPOSITORY: folder.join('repository'), RESTIC_PASSWORD: 'x' }
  await runOk(peer('restic'), ['init'], { env })

  const property = fc.asyncProperty(
    excludeOptions,
    fc.constantFrom('.', 'root', 'ROOT'),
    async (drawn, targetDrawn) => {
      const place = (text: string) => text.replace('ROOT', root.slice(1))
      const options = {
        ...drawn,
        patterns: drawn.patterns.map(place),
        insensitivePatterns: drawn.insensitivePatterns.map(place),
      }
      const target = targetDrawn === 'ROOT' ? root : targetDrawn
      const cwd = targetDrawn === '.' ? root : folder.path
      const theirs = await resticWould(target, options, { cwd, env })
      assert.deepEqual(await walk(target, options, cwd), theirs)
    },
  )
  await fc.assert(property, {
    ...seeded(),
    numRuns: Number(process.env['UNDERSTUDY_TEST_RUNS'] ?? 5),
    endOnFailure: true,
  })
})

/** The files and folders that restic's dry run would store. */
async function resticWould(
  target: string,
  { patterns = [], insensitivePatterns = [], caches, ifPresent = [], largerThan }: ExcludeOptions,
  { cwd, env }: { readonly cwd: string; readonly env: Record<string, string> },
): Promise<string[]> {
  const flags = [
    ...patterns.map((text) => `--exclude=${text}`),
    ...insensitivePatterns.map((text) => `--iexclude=${text}`),
    ...ifPresent.map((text) => `--exclude-if-present=${text}`),
    ...(caches ? ['--exclude-caches'] : []),
    ...(largerThan ? [`--exclude-larger-than=${largerThan}`] : []),
  ]
  const args = ['backup', '--no-cache', '--dry-run', '--no-scan', '--json', '-vv', ...flags, '--', target]
  const { code, stdout, stderr } = await run(peer('restic'), args, { cwd, env })
  if (stderr.includes('snapshot is empty')) return []
  assert.equal(code, 0, stderr)
  const lines = stdout.trim().split('\n')
  const messages = lines.map((line) => JSON.parse(line) as { message_type: string; action?: string; item?: string })
  return messages
    .filter(({ action }) => action === 'new')
    .map(({ item = '' }) => item)
    .sort()
}

test('sizes are read as restic reads them', () => {
  assert.equal(parseSize('2048'), 2048n)
  assert.equal(parseSize('10K'), 10_240n)
  assert.equal(parseSize('3t'), 3n << 40n)
  for (const text of ['', 'k', '-1', '1.5m', '1kb', '9999999999999t']) {
    assert.throws(() => parseSize(text), { code: 'SIZE_INVALID' }, text)
  }
})

test('variables in files of patterns are put in as Go does', () => {
  const environment = { HOME: '/root', A_1: 'one' }
  assert.equal(
    expandVariables('$HOME/x ${A_1} $$5 $UNSET. ${} $ $% ${HOME', environment),
    '/root/x one $5 .  $ $% HOME',
  )
})

test('files of patterns may be UTF-8 or UTF-16, with comments and variables', async () => {
  await using folder = await tempFolder()
  const text = '# comment\r\n\n  *.tmp \n$SUFFIX/é\n'
  const contents = [Buffer.from(text), Buffer.from(`\ufeff${text}`), Buffer.from(`\ufeff${text}`, 'utf16le')]
  contents.push(Buffer.from(contents[2] as Buffer).swap16())
  for (const content of contents) {
    writeFileSync(folder.join('patterns'), content)
    assert.deepEqual(readPatternFile(folder.join('patterns'), { SUFFIX: 'x y' }), ['*.tmp', 'x y/é'])
  }
  assert.throws(() => compileExcludes({ files: [folder.join('absent')] }), { code: 'LIST_NOT_READ' })
})

test('a malformed pattern is refused with its text', () => {
  for (const text of ['[', 'a/[b', '[]a]', '[a-]', 'x\\', '[^]', '!foo/[z']) {
    assert.throws(() => compileExcludes({ patterns: [text] }), { code: 'PATTERN_INVALID' }, text)
  }
})

test('asking for cloud files to be left out is refused, not ignored', () => {
  assert.throws(() => compileExcludes({ cloudFiles: true }), { code: 'CLOUD_FILES_UNKNOWN' })
})
