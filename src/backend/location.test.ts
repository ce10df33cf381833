import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { seeded } from '../../test/helpers/seed.ts'
import { BackendError } from './errors.ts'
import { displayLocation, parseLocation } from './location.ts'

test('folders are written plainly or with local:', () => {
  for (const [text, path] of [
    ['/srv/backup', '/srv/backup'],
    ['backup', 'backup'],
    ['../a:b', '../a:b'],
    ['/a:b', '/a:b'],
    ['local:a:b', 'a:b'],
    ['local:/srv/backup', '/srv/backup'],
    ['C:\\backup', 'C:\\backup'],
  ] as const) {
    assert.deepEqual(parseLocation(text), { scheme: 'local', path, display: path })
  }
})

test('rest: takes user and password from the URL, else from the environment, and shows neither', () => {
  const location = parseLocation('rest:https://anna:p%40ss%2F@host:8000/a/b')
  assert.ok(location.scheme === 'rest')
  assert.equal(location.url.href, 'https://host:8000/a/b/')
  assert.deepEqual(location.credentials, { user: 'anna', password: 'p@ss/' })
  assert.equal(location.display, 'rest:https://host:8000/a/b/')
  const env = { RESTIC_REST_USERNAME: 'old', RESTIC_REST_PASSWORD: 'x', UNDERSTUDY_REST_USERNAME: 'new' }
  const fromEnv = parseLocation('rest:http://host/', env)
  assert.deepEqual(fromEnv.scheme === 'rest' && fromEnv.credentials, { user: 'new', password: 'x' })
  const both = parseLocation('rest:http://anna@host/', env)
  assert.deepEqual(both.scheme === 'rest' && both.credentials, { user: 'anna', password: '' })
})

test('rest: over a Unix socket names the socket and the path behind it', () => {
  const location = parseLocation('rest:http+unix:///run/rest.sock:/a/')
  assert.ok(location.scheme === 'rest')
  assert.equal(location.socketPath, '/run/rest.sock')
  assert.equal(location.url.pathname, '/a/')
  assert.equal(location.display, 'rest:http+unix:///run/rest.sock:/a/')
})

test('a password with an unescaped slash is hidden, though it is read as a path', () => {
  assert.equal(displayLocation('rest:https://anna:SECRET@a/SECRET@host/path/'), 'rest:https://a/***@host/path/')
})

test('sftp: names user, host, port and folder, as restic takes them', () => {
  for (const [text, address, path, display] of [
    ['sftp:anna@host:/srv/a', { user: 'anna', host: 'host' }, '/srv/a', 'sftp:anna@host:/srv/a'],
    ['sftp:host:a//b/', { host: 'host' }, 'a/b', 'sftp:host:a/b'],
    ['sftp:host:', { host: 'host' }, '.', 'sftp:host:.'],
    ['sftp:anna@work@host:a', { user: 'anna@work', host: 'host' }, 'a', 'sftp:anna@work@host:a'],
    ['sftp:anna@[::1]:/srv', { user: 'anna', host: '::1' }, '/srv', 'sftp:anna@[::1]:/srv'],
    ['sftp::/srv', { host: '' }, '/srv', 'sftp::/srv'],
    ['sftp://host/a', { host: 'host' }, 'a', 'sftp:host:a'],
    ['sftp://host/', { host: 'host' }, '.', 'sftp:host:.'],
    ['sftp://a%40b@host:22//s%20v', { user: 'a@b', host: 'host', port: '22' }, '/s v', 'sftp://a@b@host:22//s v'],
    ['sftp://anna@[::1]:2222//srv', { user: 'anna', host: '::1', port: '2222' }, '/srv', 'sftp://anna@[::1]:2222//srv'],
  ] as const) {
    assert.deepEqual(parseLocation(text), { scheme: 'sftp', address, path, display }, text)
  }
})

test('kinds of storage that come later, and what is no location, are told apart in one sentence', () => {
  for (const [text, code] of [
    ['b2:bucket:path', 'LOCATION_NOT_YET'],
    ['s3:', 'LOCATION_INVALID'],
    ['s3:host', 'LOCATION_INVALID'],
    ['s3:https://host/', 'LOCATION_INVALID'],
    ['s3:https://key:secret@host/bucket', 'LOCATION_INVALID'],
    ['s3:host/bucket/../..', 'LOCATION_INVALID'],
    ['b2:bucket', 'LOCATION_NOT_YET'],
    ['sftp:host', 'LOCATION_INVALID'],
    ['sftp://host', 'LOCATION_INVALID'],
    ['sftp:host:~/backup', 'LOCATION_INVALID'],
    ['sftp:-oProxyCommand=evil:/srv', 'LOCATION_INVALID'],
    ['sftp://-oProxyCommand=evil/srv', 'LOCATION_INVALID'],
    ['sftp://anna:geheim@host/srv', 'LOCATION_INVALID'],
    ['', 'LOCATION_INVALID'],
    ['local:', 'LOCATION_INVALID'],
    ['ftp:host', 'LOCATION_INVALID'],
    ['rest:', 'LOCATION_INVALID'],
    ['rest:ftp://host/', 'LOCATION_INVALID'],
    ['rest:https://', 'LOCATION_INVALID'],
    ['rest:http+unix://relative', 'LOCATION_INVALID'],
    ['memory:', 'LOCATION_INVALID'],
    ['a\0b', 'LOCATION_INVALID'],
  ] as const) {
    assert.throws(
      () => parseLocation(text),
      (thrown) => thrown instanceof BackendError && thrown.code === code,
      text,
    )
  }
})

test('buckets are named in each of the ways that restic knows', () => {
  for (const [text, endpoint, bucket, prefix, display] of [
    ['s3:s3.amazonaws.com/bucket', 'https://s3.amazonaws.com', 'bucket', '', 's3:s3.amazonaws.com/bucket'],
    ['s3://s3.amazonaws.com/b.c/a//b/', 'https://s3.amazonaws.com', 'b.c', 'a/b', 's3:s3.amazonaws.com/b.c/a/b'],
    ['s3:host:9000/bucket/x%20y', 'https://host:9000', 'bucket', 'x%20y', 's3:host:9000/bucket/x%20y'],
    ['s3:http://host:9000/bucket/x%20y', 'http://host:9000', 'bucket', 'x y', 's3:http://host:9000/bucket/x y'],
    ['s3:https://[::1]:9000/bucket/a/../b', 'https://[::1]:9000', 'bucket', 'b', 's3:https://[::1]:9000/bucket/b'],
  ] as const) {
    const location = parseLocation(text)
    assert.ok(location.scheme === 's3')
    assert.deepEqual(
      [location.endpoint.origin, location.bucket, location.prefix, location.display],
      [endpoint, bucket, prefix, display],
    )
  }
})

test('no display and no message ever shows a password', () => {
  const secret = fc
    .string({ unit: fc.constantFrom(...Array.from('abc/@:#?%[]\\ é')), minLength: 1 })
    .map((text) => `SECRET${text}SECRET`)
  const scheme = fc.constantFrom(
    'rest:https://',
    'rest:http://',
    'rest:http+unix://',
    'rest:',
    's3:https://',
    'ftp://',
    'sftp://',
    'sftp:',
  )
  fc.assert(
    fc.property(scheme, secret, fc.boolean(), (start, password, encode) => {
      const text = `${start}anna:${encode ? encodeURIComponent(password) : password}@host:8000/path`
      assert.doesNotMatch(displayLocation(text), /SECRET/)
      try {
        parseLocation(text)
      } catch (thrown) {
        assert.ok(thrown instanceof BackendError, String(thrown))
        assert.doesNotMatch(thrown.message + thrown.hint, /SECRET/)
      }
    }),
    seeded(),
  )
})
