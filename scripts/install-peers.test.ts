import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { tempFolder } from '../test/helpers/temp.ts'
import { debianMirror } from './install-peers.ts'

const newer = `Types: deb
# http://snapshot.debian.org/archive/debian/20250520T000000Z
URIs: http://mirror.example/debian-security
Suites: bookworm-security

Types: deb
URIs:  http://mirror.example/debian
Suites: bookworm
`
const older = `# deb http://commented.example/debian bookworm main
deb [arch=amd64 signed-by=/x.gpg] https://packages.example/apt cloud main
deb https://old.example/debian/ bookworm main
`

test("the mirror is the one of the machine's own sources, in the newer form or the older", async () => {
  await using folder = await tempFolder()
  assert.equal(debianMirror(folder.path), undefined)
  writeFileSync(folder.join('sources.list'), older)
  assert.equal(debianMirror(folder.path), 'https://old.example/debian/')
  mkdirSync(folder.join('sources.list.d'))
  writeFileSync(folder.join('sources.list.d', 'debian.sources'), newer)
  assert.equal(debianMirror(folder.path), 'http://mirror.example/debian')
})
