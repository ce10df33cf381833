import assert from 'node:assert/strict'
import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { build } from '../../../scripts/build.ts'
import * as documents from '../../../test/helpers/documents.ts'
import { tempFolder } from '../../../test/helpers/temp.ts'

const project = join(import.meta.dirname, '..', '..', '..')

test('previews are made by the built program as well, where its source is not', async () => {
  await using folder = await tempFolder()
  await build({ dist: folder.join('dist'), doors: ['src/server/preview/preview.ts'] })
  symlinkSync(join(project, 'node_modules'), folder.join('node_modules'))
  const { preview } = (await import(
    pathToFileURL(folder.join('dist', 'preview.js')).href
  )) as typeof import('./preview.ts')
  for (const [content, kind] of [
    [Buffer.from('words'), 'text'],
    [documents.docx('words'), 'text'],
    [documents.pdf(['words']), 'text'],
    [documents.zipOf(documents.xlsxParts({ a: '<row r="1"><c r="A1"><v>1</v></c></row>' })), 'table'],
    [documents.png(3, 2), 'image'],
  ] as const) {
    assert.equal((await preview({ name: 'a', size: content.length, content })).kind, kind)
  }
})
