import assert from 'node:assert/strict'
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { cheapenKey } from '../test/helpers/cheap-key.ts'
import { compareTrees } from '../test/helpers/compare-trees.ts'
import { runOk } from '../test/helpers/run.ts'
import { tempFolder } from '../test/helpers/temp.ts'
import { build } from './build.ts'

const project = join(import.meta.dirname, '..')

test('a build works from another place, holds no source and no test, and is replaced only by a different one', async () => {
  await using folder = await tempFolder()
  const dist = folder.join('dist')
  await build({ dist })

  const files = globSync('**/*', { cwd: dist })
  assert.deepEqual(
    files.filter((file) => /\.ts$|\.test\./.test(file)),
    [],
  )
  await everyNamedFileIsThere(dist, folder.join('node_modules'))
  await programWorks(folder.path)

  const { ino } = statSync(dist)
  await build({ dist })
  assert.equal(statSync(dist).ino, ino, 'the same build again leaves the old one in place')

  writeFileSync(join(dist, 'stale.js'), '')
  await build({ dist })
  assert.ok(!existsSync(join(dist, 'stale.js')), 'what is no longer built is removed')
  const made = ['bin', 'dist', 'files', 'node_modules', 'repository', 'restored']
  assert.deepEqual(globSync('*', { cwd: folder.path }).toSorted(), made)
})

/** What is loaded by its place, in threads for one, lies there. */
async function everyNamedFileIsThere(dist: string, modules: string): Promise<void> {
  symlinkSync(join(project, 'node_modules'), modules)
  const sources = globSync('src/**/*.ts', { cwd: project, exclude: ['**/*.test.ts', '**/program-files.ts'] })
  const texts = sources.map((file) => readFileSync(join(project, file), 'utf8'))
  const paths = texts.flatMap((text) =>
    [...text.matchAll(/program(?:Module|File)\(([^)]*)\)/g)].map(([, path]) => path),
  )
  assert.ok(paths.length > 8)
  for (const path of paths) {
    const name = /^'(?:[\w-]+\/)+([\w.-]+)'$/.exec(path ?? '')?.[1]
    assert.ok(name, `a place that the build cannot see: ${path}`)
    assert.ok(existsSync(join(dist, name.endsWith('.wasm') ? name : `${name}.js`)), name)
  }
}

/** The built program works where its source is not: a backup and a restore, with all that they load. */
async function programWorks(folder: string): Promise<void> {
  cpSync(join(project, 'bin'), join(folder, 'bin'), { recursive: true })
  const files = join(folder, 'files')
  mkdirSync(files)
  writeFileSync(join(files, 'text'), 'hello '.repeat(200_000))
  const env = { UNDERSTUDY_REPOSITORY: join(folder, 'repository'), UNDERSTUDY_PASSWORD: 'secret' }
  const run = async (...args: string[]) =>
    await runOk(process.execPath, [join(folder, 'bin', 'understudy.js'), ...args], { env })
  await run('init')
  cheapenKey(env.UNDERSTUDY_REPOSITORY, 'secret')
  for (const [command, ...args] of [
    ['backup', files],
    ['backup', files],
    ['restore', 'latest', '--target', join(folder, 'restored')],
    ['restore', 'latest', '--target', join(folder, 'restored'), '--verify'],
    ['check', '--read-data'],
    ['dump', 'latest', join(files, 'text')],
  ] as const) {
    await run(command, '--quiet', ...args)
  }
  assert.deepEqual(compareTrees(files, join(folder, 'restored', files)), [])
  const version = await run('version')
  const { version: expected } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')) as { version: string }
  assert.match(version, new RegExp(`understudy ${expected.replaceAll('.', '\\.')} `))
}
