import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { generate } from 'selfsigned'
import { startFakeApi } from '../../../test/helpers/fake-api.ts'
import { callApi, parseServerAddress } from './connection.ts'

const live = { method: 'GET', path: '/api/health/live' }

test('an address is https, but for this machine; a name, a port, and nothing else', () => {
  assert.equal(parseServerAddress('backup.example:8484'), 'https://backup.example:8484')
  assert.equal(parseServerAddress('https://backup.example/'), 'https://backup.example')
  assert.equal(parseServerAddress('localhost:8484'), 'http://localhost:8484')
  assert.equal(parseServerAddress('https://localhost:8484'), 'https://localhost:8484')
  assert.equal(parseServerAddress('http://127.0.0.1:8484'), 'http://127.0.0.1:8484')
  for (const wrong of [
    '',
    'http://backup.example',
    'https://a:b@backup.example',
    'https://a/b',
    'file:///etc',
    'a b',
  ]) {
    assert.throws(() => parseServerAddress(wrong), { code: 'SERVER_ADDRESS_INVALID' }, wrong)
  }
})

test('what the server refuses comes with its own code, sentence and hint', async () => {
  const refusal = { code: 'NAME_TAKEN', message: 'There is {already} a \u001b[2Jclient.', hint: 'Choose another.' }
  await using api = await startFakeApi(() => ({ status: 400, text: JSON.stringify(refusal) }))
  await assert.rejects(callApi(api, live), {
    code: 'NAME_TAKEN',
    message: 'There is {already} a \\u001b[2Jclient.',
    hint: 'Choose another.',
  })
})

test('what is no answer of the server’s is said to be none', async () => {
  for (const text of ['<html>', '', '{"code":"rm -rf","message":"a","hint":"b"}', '[]', 'null']) {
    await using api = await startFakeApi(() => ({ status: 500, text }))
    await assert.rejects(callApi(api, live), { code: 'ANSWER_INVALID' }, text)
  }
  await using api = await startFakeApi(() => ({ status: 200, text: 'hello' }))
  await assert.rejects(callApi(api, live), { code: 'ANSWER_INVALID' })
})

test('a server that is not there is said not to be', async () => {
  const gone = await startFakeApi(() => ({ json: {} }))
  await gone[Symbol.asyncDispose]()
  await assert.rejects(callApi(gone, live), { code: 'SERVER_NOT_REACHED', message: /ECONNREFUSED/ })
})

test('a certificate of the server’s own making is taken by its fingerprint, and nothing is sent to another', async () => {
  const { private: key, cert } = await generate([{ name: 'commonName', value: 'somewhere.else' }], { keyType: 'ec' })
  let requests = 0
  const server = createServer({ key, cert }, (_, response) => {
    requests++
    response.end('{"live":true}')
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  const fingerprint = new X509Certificate(cert).fingerprint256.replaceAll(':', '').toLowerCase()
  assert.deepEqual(await callApi({ url, fingerprint }, live), { live: true })
  assert.equal(requests, 1)
  await assert.rejects(callApi({ url, fingerprint: 'ab'.repeat(32) }, live), { code: 'CERTIFICATE_CHANGED' })
  await assert.rejects(callApi({ url }, live), { code: 'CERTIFICATE_NOT_TRUSTED', message: new RegExp(fingerprint) })
  assert.equal(requests, 1)
  server.closeAllConnections()
  await new Promise((done) => server.close(done))
})
