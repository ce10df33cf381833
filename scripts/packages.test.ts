import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const project = join(import.meta.dirname, '..')
const read = (name: string) => JSON.parse(readFileSync(join(project, name), 'utf8')) as Record<string, unknown>

interface Locked {
  readonly version: string
  readonly integrity?: string
  readonly resolved?: string
  readonly dev?: boolean
  readonly hasInstallScript?: boolean
}

const { '': root, ...packages } = read('package-lock.json')['packages'] as Readonly<Record<string, Locked>>

test('every package is pinned by its hash and comes from npm’s registry, not from an address or a repository', () => {
  assert.ok(root)
  for (const [name, { integrity = '', resolved = 'https://registry.npmjs.org/' }] of Object.entries(packages)) {
    assert.match(integrity, /^sha512-/, name)
    assert.match(resolved, /^https:\/\/registry\.npmjs\.org\//, name)
  }
})

test('what we name ourselves is named by one version each, never by a range', () => {
  const about = read('package.json')
  for (const kind of ['dependencies', 'devDependencies', 'optionalDependencies']) {
    for (const [name, version] of Object.entries(about[kind] as Readonly<Record<string, string>>)) {
      assert.match(version, /^\d+\.\d+\.\d+$/, name)
    }
  }
})

test('packages that would run a program when they are installed are these and no others', () => {
  const found = Object.entries(packages).filter(([, { hasInstallScript }]) => hasInstallScript === true)
  assert.deepEqual(
    found.map(([name]) => name),
    ['node_modules/esbuild', 'node_modules/koffi'],
    'neither needs it: its binary comes as a package of its own',
  )
})
