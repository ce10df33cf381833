import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { aFile } from '../../test/helpers/fake-repository.ts'
import { restore, setUp } from '../../test/helpers/restoring.ts'
import { compileAttributeNames } from './attribute-filter.ts'
import { platform } from './platform/index.ts'

const asRoot = process.geteuid?.() === 0 ? false : 'needs root'
const onLinux = process.platform === 'linux' ? false : 'needs Linux'

function attributesOf(path: string): Record<string, string> {
  const { attributes } = platform.extendedAttributes(path)
  return Object.fromEntries(attributes.map(({ name, value }) => [name, String(value)]))
}

test('attributes are chosen by their names, to include or to exclude', () => {
  const names = ['user.a', 'user.ab', 'security.capability']
  const chosen = (how: 'include' | 'exclude', ...patterns: string[]) =>
    names.filter(compileAttributeNames({ how, patterns }))
  assert.deepEqual(chosen('include', 'user.*'), ['user.a', 'user.ab'])
  assert.deepEqual(chosen('exclude', 'user.a', 'security.*'), ['user.ab'])
  assert.deepEqual(names.filter(compileAttributeNames(undefined)), names)
})

test('attributes that are not chosen are neither set nor removed', { skip: onLinux }, async (t) => {
  const { repository, target } = setUp(t)
  const attribute = (name: string, value: string) => ({ name, value: Buffer.from(value) })
  const file = (...extendedAttributes: ReturnType<typeof attribute>[]) =>
    repository.saveTree([aFile(repository, 'file', 'x', { extendedAttributes })])
  await restore(repository, file(attribute('user.mine', '1'), attribute('user.other', '1')), target)
  const path = join(target, 'file')
  assert.deepEqual(attributesOf(path), { 'user.mine': '1', 'user.other': '1' })
  const attributes = { how: 'exclude', patterns: ['user.mine'] } as const
  await restore(repository, file(attribute('user.mine', '2'), attribute('user.new', '2')), target, { attributes })
  assert.deepEqual(attributesOf(path), { 'user.mine': '1', 'user.new': '2' })
  await restore(repository, file(attribute('user.mine', '3')), target, {
    attributes: { how: 'include', patterns: ['*.none'] },
  })
  assert.deepEqual(attributesOf(path), { 'user.mine': '1', 'user.new': '2' })
})

test('owners come back by name, and by number where nobody has the name', { skip: asRoot || onLinux }, async (t) => {
  const { repository, target } = setUp(t)
  const tree = repository.saveTree([
    aFile(repository, 'by name', 'x', { uid: 1234, gid: 1234, user: 'daemon', group: 'daemon' }),
    aFile(repository, 'unknown', 'x', { uid: 1234, gid: 4321, user: 'nobody has this', group: '' }),
  ])
  await restore(repository, tree, target, { ownersByName: true })
  const ownerOf = (name: string) => {
    const { uid, gid } = fs.statSync(join(target, name))
    return [uid, gid]
  }
  assert.deepEqual(ownerOf('by name'), [platform.userId('daemon'), platform.groupId('daemon')])
  assert.deepEqual(ownerOf('unknown'), [1234, 4321])
})
