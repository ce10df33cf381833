import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestServer } from '../../../test/helpers/test-server.ts'
import { pagePaths } from './pages.ts'

test('the link that the server prints leads to a form, with nothing that its policy for contents forbids', async () => {
  await using server = await TestServer.open()
  for (const url of pagePaths) {
    const { statusCode, headers, payload } = await server.app.inject({ url })
    assert.equal(statusCode, 200, url)
    assert.match(String(headers['content-security-policy']), /script-src 'self'/)
    assert.doesNotMatch(payload, /<script>|<style| style=| onclick=/)
  }
  const { payload } = await server.app.inject({ url: '/set-up' })
  for (const name of ['name', 'email', 'password']) assert.match(payload, new RegExp(`<input name="${name}"`))
  const used = [...payload.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path as string)
  assert.deepEqual(
    used.filter((path) => !pagePaths.includes(path)),
    [],
  )
})
