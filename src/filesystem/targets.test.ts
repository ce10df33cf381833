import assert from 'node:assert/strict'
import { mkdirSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import test from 'node:test'

import type { SourceFolder } from '#archiver'

import { missing, peer } from '../../test/helpers/peers.ts'
import { runOk } from '../../test/helpers/run.ts'
import { tempFolder } from '../../test/helpers/temp.ts'
import { compileExcludes } from './exclude.ts'
import { createFileSource } from './source.ts'
import { collectTargets, expandGlob } from './target-list.ts'

async function makeTree() {
  const folder = await tempFolder()
  for (const name of ['a/b/c', 'd/a/b', 'real/sub']) mkdirSync(folder.join(name), { recursive: true })
  for (const name of ['a/f', 'a/b/g', 'a/b/c/h', 'd/a/i', 'd/a/b/j', 'real/sub/k', 'top'])
    writeFileSync(folder.join(name), name)
  symlinkSync('real', folder.join('link'))
  return folder
}

/** Every path in the snapshot with its type and what it was read from. */
async function walk(targets: readonly string[], workingFolder: string) {
  const source = await createFileSource(targets, { workingFolder: Buffer.from(workingFolder) })
  const paths: string[] = []
  const waiting: [folder: SourceFolder, path: string][] = [[source.root, '']]
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const [folder, above] = next
    const { entries, problems } = await source.list(folder)
    assert.deepEqual(problems, [])
    for (const entry of entries) {
      const path = `${above}/${entry.name.toString()}`
      paths.push(`${entry.stat.type} ${path}`)
      if (entry.folder) waiting.push([entry.folder, path])
    }
  }
  return { paths: paths.sort(), recorded: source.paths }
}

test('targets are laid out in the snapshot as restic lays them out', { skip: missing('restic') }, async () => {
  await using folder = await makeTree()
  await using place = await tempFolder()
  const env = { RESTIC_REPOSITORY: place.path, RESTIC_PASSWORD: 'x' }
  await runOk(peer('restic'), ['init'], { env })
  const cases: readonly (readonly string[])[] = [
    ['.', 'a'],
    ['a/b', 'a'],
    ['./a//b/', 'd/../a/f', 'top', './top'],
    [folder.join('a/b'), 'a', `d/../../${basename(folder.path)}/d/a`],
    ['link', 'link/sub'],
  ]
  for (const targets of cases) {
    await runOk(peer('restic'), ['backup', '--no-cache', '-q', '--', ...targets], { cwd: folder.path, env })
    const lines = (await runOk(peer('restic'), ['ls', '--no-cache', '--json', 'latest'], { env })).trim().split('\n')
    const [snapshot, ...nodes] = lines.map(
      (line) => JSON.parse(line) as { paths: string[]; type: string; path: string },
    )
    const { paths, recorded } = await walk(targets, folder.path)
    assert.deepEqual(paths, nodes.map((node) => `${node.type} ${node.path}`).sort(), targets.join(' '))
    assert.deepEqual([...recorded].sort(), snapshot?.paths.sort(), targets.join(' '))
  }
})

test('a device or a symlink named as target is stored as itself', async () => {
  await using folder = await makeTree()
  const source = await createFileSource([folder.join('link'), '/dev/null'])
  const found = new Map<string, string>()
  const waiting: SourceFolder[] = [source.root]
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    for (const entry of (await source.list(next)).entries) {
      if (entry.folder) waiting.push(entry.folder)
      const { node } = await source.describe(entry)
      if (node.linkTarget) assert.equal(node.linkTarget.toString(), readlinkSync(folder.join('link')))
      if (entry.path.toString() === '/dev/null') assert.equal(node.device, 0x103n)
      found.set(entry.path.toString(), node.type)
    }
  }
  assert.equal(found.get(folder.join('link')), 'symlink')
  assert.equal(found.get('/dev/null'), 'chardev')
})

test('a target that is missing is a problem; when all are, nothing is backed up', async () => {
  await using folder = await makeTree()
  const source = await createFileSource([folder.join('a'), folder.join('nowhere')])
  const { problems } = await source.list(source.root)
  assert.deepEqual(
    problems.map(({ path }) => path.toString()),
    [folder.join('nowhere')],
  )
  assert.deepEqual(source.paths, [folder.join('a')])
  await assert.rejects(createFileSource([folder.join('nowhere')]), { code: 'TARGETS_MISSING' })
  await assert.rejects(createFileSource(['']), { code: 'TARGETS_MISSING' }) // not the working folder
})

test('excludes do not apply to what the user named, but to everything that `.` stands for', async () => {
  await using folder = await makeTree()
  const list = async (target: string) => {
    const excludes = compileExcludes({ patterns: ['top'] })
    const source = await createFileSource([target], { workingFolder: Buffer.from(folder.path), excludes })
    return (await source.list(source.root)).entries.map(({ name }) => name.toString())
  }
  assert.deepEqual(await list('top'), ['top'])
  assert.deepEqual(await list('.'), ['a', 'd', 'link', 'real'])
})

test('lists of targets are read with patterns, verbatim and with NULs', async () => {
  await using folder = await makeTree()
  writeFileSync(folder.join('patterns'), `# comment\n\n  ${folder.path}/[ad]/?  \r\n${folder.path}/none*\n`)
  writeFileSync(folder.join('verbatim'), '# not a comment\n\n  [x] \n')
  writeFileSync(folder.join('raw'), Buffer.from('line\nbreak\0\xff\0', 'latin1'))
  const { targets, unmatched } = collectTargets({
    arguments: ['last'],
    filesFrom: [folder.join('patterns')],
    filesFromVerbatim: [folder.join('verbatim')],
    filesFromRaw: [folder.join('raw')],
  })
  const expected = ['a/b', 'a/f', 'd/a'].map((name) => folder.join(name))
  assert.deepEqual(
    targets.map((target) => target.toString('latin1')),
    [...expected, '# not a comment', '  [x] ', 'line\nbreak', '\xff', 'last'],
  )
  assert.deepEqual(unmatched, [`${folder.path}/none*`])
})

test('a list that was cut off, has an empty name, or names nothing is refused', async () => {
  const raw = (text: string) => () => collectTargets({ arguments: [], filesFromRaw: ['-'] }, () => Buffer.from(text))
  assert.throws(raw('a\0b'), { code: 'LIST_CUT_OFF' })
  assert.throws(raw('a\0\0'), { code: 'LIST_HAS_EMPTY_NAME' })
  assert.throws(raw(''), { code: 'NOTHING_TO_BACK_UP' })
  assert.throws(() => collectTargets({ arguments: ['x'], filesFrom: ['/no/such'] }), { code: 'LIST_NOT_READ' })
  assert.throws(() => collectTargets({ arguments: ['x'], filesFromRaw: ['/no/such'] }), { code: 'LIST_NOT_READ' })
})

test('patterns for targets match folders too, through symlinks, and escapes are honoured', async () => {
  await using folder = await makeTree()
  writeFileSync(folder.join('s*r'), '')
  writeFileSync(folder.join('star'), '')
  assert.deepEqual(expandGlob(folder.join('*/sub/k')), [folder.join('link/sub/k'), folder.join('real/sub/k')])
  assert.deepEqual(expandGlob(folder.join('s\\*r')), [folder.join('s*r')])
})
