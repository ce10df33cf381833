import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { tempFolder } from '../../../test/helpers/temp.ts'
import { TestServer } from '../../../test/helpers/test-server.ts'
import { buildApp } from './build-app.ts'
import { readConsole } from './console-files.ts'

const html = { accept: 'text/html,application/xhtml+xml' }

async function serveConsole(server: TestServer) {
  const folder = await tempFolder()
  await mkdir(folder.join('assets'))
  await writeFile(folder.join('index.html'), '<title>console</title>')
  await writeFile(folder.join('assets', 'main-1a2b.js'), 'export const answer = 42')
  await writeFile(folder.join('built-from'), 'a digest')
  const app = await buildApp([], server.services, { consoleFiles: readConsole(folder.path) })
  return { folder, app, [Symbol.asyncDispose]: async () => await folder[Symbol.asyncDispose]() }
}

test('a link to any page leads to the console, and what is no page is refused as before', async () => {
  await using server = await TestServer.open()
  await using served = await serveConsole(server)
  const { app } = served
  for (const url of ['/', '/machines/1?tab=2', '/set-up', '/apiary']) {
    const { statusCode, payload, headers } = await app.inject({ url, headers: html })
    assert.deepEqual([statusCode, payload], [200, '<title>console</title>'], url)
    assert.equal(headers['cache-control'], 'no-cache')
    assert.match(String(headers['content-security-policy']), /script-src 'self'/)
  }
  for (const url of ['/api/nothing', '/assets/old-9f.js', '/built-from', '/assets/../built-from', '/repo/x']) {
    const isPage = url === '/built-from' || url === '/assets/../built-from'
    const { statusCode, payload } = await app.inject({ url, headers: isPage ? {} : html })
    assert.equal(statusCode, 404, url)
    assert.doesNotMatch(payload, /a digest|<title>/)
  }
  assert.equal((await app.inject({ method: 'POST', url: '/machines', headers: html })).statusCode, 404)
})

test('what is named by its contents is kept for ever, and sent packed to who can unpack it', async () => {
  await using server = await TestServer.open()
  await using served = await serveConsole(server)
  const url = '/assets/main-1a2b.js'
  const plain = await served.app.inject({ url })
  assert.equal(plain.payload, 'export const answer = 42')
  assert.equal(plain.headers['content-type'], 'text/javascript; charset=utf-8')
  assert.equal(plain.headers['cache-control'], 'public, max-age=31536000, immutable')
  const packed = await served.app.inject({ url, headers: { 'accept-encoding': 'br, gzip' } })
  assert.equal(packed.headers['content-encoding'], 'gzip')
  assert.equal(gunzipSync(packed.rawPayload).toString(), 'export const answer = 42')
})

test('where nothing was built there is no console', async () => {
  await using folder = await tempFolder()
  assert.equal(readConsole(folder.path), undefined)
  assert.equal(readConsole(folder.join('not there')), undefined)
})
