import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import type { TlsOptions as ServerTls } from 'node:tls'
import { Authority, type Certificate, missingOpenssl } from '../../test/helpers/rest-server.ts'
import { ScriptedRestServer } from '../../test/helpers/scripted-rest-server.ts'
import { type TempFolder, tempFolder } from '../../test/helpers/temp.ts'
import { rejectsWith } from './conformance.ts'
import { openBackend } from './open.ts'
import type { TlsOptions } from './tls-files.ts'

const config = { type: 'config', name: '' } as const

describe('TLS', { skip: missingOpenssl() }, () => {
  let folder: TempFolder
  let authority: Authority
  let good: Certificate

  before(async () => {
    folder = await tempFolder()
    authority = new Authority(folder.path)
    good = authority.sign('good', { host: 'IP:127.0.0.1' })
  })
  after(() => folder[Symbol.asyncDispose]())

  test('a certificate of the given authority is trusted', async () => {
    await using server = await startTls(good)
    assert.equal(await sizeOfConfig(server, { cacerts: [authority.cert] }), undefined)
  })

  test('an unknown authority is refused, unless everything is trusted on demand', async () => {
    await using server = await startTls(good)
    await refused(server, {}, /authority that this machine does not know/)
    assert.equal(await sizeOfConfig(server, { insecure: true }), undefined)
  })

  test('an expired certificate is refused', async () => {
    await using server = await startTls(authority.sign('expired', { host: 'IP:127.0.0.1', expired: true }))
    await refused(server, { cacerts: [authority.cert] }, /has expired/)
  })

  test('a certificate for another host is refused', async () => {
    await using server = await startTls(authority.sign('other', { host: 'DNS:other.example' }))
    await refused(server, { cacerts: [authority.cert] }, /for another host name/)
  })

  test('a server that speaks only TLS 1.1 is refused', async () => {
    await using server = await startTls(good, {
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT:@SECLEVEL=0',
    })
    await refused(server, { cacerts: [authority.cert] }, /only old versions of TLS/)
  })

  test('a server without TLS, where https was asked for, is refused', async () => {
    await using server = await ScriptedRestServer.start()
    await refused(server, {}, /does not speak TLS/)
  })

  test('a redirect to an address without encryption is refused', async () => {
    await using server = await startTls(good, {}, 'http://127.0.0.1:9/config')
    const error = await rejectsWith('TLS_REFUSED', sizeOfConfig(server, { cacerts: [authority.cert] }))
    assert.match(error.message, /without encryption/)
    // Requests to S3 services are signed for one host: no redirect is followed at all.
    await rejectsWith('STORAGE_FAILED', sizeOfConfig(server, { cacerts: [authority.cert] }, 's3'))
  })

  test('a server that asks for a client certificate is told ours, or the missing one is named', async () => {
    await using server = await startTls(good, {
      requestCert: true,
      rejectUnauthorized: true,
      ca: readFileSync(authority.cert),
    })
    const client = authority.sign('client', { host: 'DNS:client' })
    const both = folder.join('client.pem')
    writeFileSync(both, readFileSync(client.cert, 'utf8') + readFileSync(client.key, 'utf8'))
    const tls = { cacerts: [authority.cert], clientCertificate: both }
    assert.equal(await sizeOfConfig(server, tls), undefined)
    await refused(server, { cacerts: [authority.cert] }, /asks for a client certificate/)
  })

  test('files that hold no certificate are named', async () => {
    const empty = folder.join('empty.pem')
    writeFileSync(empty, '')
    for (const tls of [{ cacerts: [empty] }, { clientCertificate: empty }, { cacerts: [folder.join('absent')] }]) {
      assert.throws(() => openBackend('rest:https://127.0.0.1:9/', { tls, env: {} }), { code: 'TLS_FILE_INVALID' })
    }
  })
})

type TlsServer = AsyncDisposable & { readonly port: number }

async function startTls({ cert, key }: Certificate, options: ServerTls = {}, redirect?: string): Promise<TlsServer> {
  const files = { cert: readFileSync(cert), key: readFileSync(key) }
  const server = createServer({ ...files, ...options }, (_request, response) => {
    if (redirect === undefined) response.writeHead(404).end()
    else response.writeHead(302, { Location: redirect }).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function sizeOfConfig(
  { port }: { readonly port: number },
  tls: TlsOptions,
  scheme: 'rest' | 's3' = 'rest',
): Promise<number | undefined> {
  const env = { AWS_ACCESS_KEY_ID: 'key', AWS_SECRET_ACCESS_KEY: 'secret' }
  const location = `${scheme}:https://127.0.0.1:${port}/${scheme === 's3' ? 'bucket' : ''}`
  await using backend = openBackend(location, { tls, env, retryLimit: 0 })
  return await backend.size(config)
}

async function refused(server: { readonly port: number }, tls: TlsOptions, words: RegExp): Promise<void> {
  for (const scheme of ['rest', 's3'] as const) {
    const error = await rejectsWith('TLS_REFUSED', sizeOfConfig(server, tls, scheme))
    assert.match(error.message, words)
    assert.equal(error.transient, false)
  }
}
