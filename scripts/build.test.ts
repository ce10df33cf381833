import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { runOk } from '../test/helpers/run.ts'
import { tempFolder } from '../test/helpers/temp.ts'
import { build } from './build.ts'

const project = join(import.meta.dirname, '..')

test('a build works from another place, holds no source and no test, and is replaced only by a different one', async () => {
  await using folder = await tempFolder()
  const dist = folder.join('dist')
  build(dist)

  const files = globSync('**/*', { cwd: dist })
  assert.deepEqual(
    files.filter((file) => /\.ts$|\.test\./.test(file)),
    [],
  )
  assert.deepEqual(startedSources(dist, files), [])
  await everyDoorOpens(dist, folder.join('node_modules'))

  const { ino } = statSync(dist)
  build(dist)
  assert.equal(statSync(dist).ino, ino, 'the same build again leaves the old one in place')

  writeFileSync(join(dist, 'stale.js'), '')
  build(dist)
  assert.ok(!existsSync(join(dist, 'stale.js')), 'what is no longer built is removed')
  assert.deepEqual(globSync('*', { cwd: folder.path }).toSorted(), ['dist', 'node_modules'])
})

/** Built files that would start a thread from a `.ts` file, which is not there. */
function startedSources(dist: string, files: readonly string[]): string[] {
  return files.filter(
    (file) => file.endsWith('.js') && /new URL\([^)]*\.ts['"]/.test(readFileSync(join(dist, file), 'utf8')),
  )
}

async function everyDoorOpens(dist: string, modules: string): Promise<void> {
  symlinkSync(join(project, 'node_modules'), modules)
  const { imports } = JSON.parse(readFileSync(join(dist, 'package.json'), 'utf8')) as {
    imports: Record<string, string>
  }
  for (const door of Object.values(imports)) {
    if (!existsSync(join(dist, door))) continue // a room that is not built yet; the type check says who misses it
    const url = pathToFileURL(join(dist, door)).href
    await runOk(process.execPath, ['--input-type=module', '--eval', `await import(${JSON.stringify(url)})`])
  }
}
