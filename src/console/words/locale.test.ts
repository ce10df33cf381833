import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chooseLanguage, localeOf } from './locale.ts'

test('the language is the one that was chosen, else the first of the browser’s that is spoken here, else English', () => {
  assert.equal(chooseLanguage('en', ['de-DE']), 'en')
  assert.equal(chooseLanguage(null, ['fr-FR', 'de-AT', 'en']), 'de')
  assert.equal(chooseLanguage('klingon', ['fr']), 'en')
})

test('dates are written in the reader’s own variant of the language', () => {
  assert.equal(localeOf('de', ['en-GB', 'de-AT']), 'de-AT')
  assert.equal(localeOf('en', ['de-AT']), 'en')
})
