import { posix } from 'node:path'

/** Locations in S3-compatible object storage, written as restic writes them. */

export interface S3Location {
  readonly scheme: 's3'
  /** Scheme, host and port of the service, without a path. */
  readonly endpoint: URL
  readonly bucket: string
  /** Where the repository begins in the bucket, without slashes around it; empty for the whole bucket. */
  readonly prefix: string
  readonly display: string
}

/**
 * `s3:s3.amazonaws.com/bucket/prefix`, `s3://host/bucket/prefix`, `s3:https://host:port/bucket/prefix`.
 * Gives the reason when it is none of them.
 */
export function parseS3(text: string): S3Location | { readonly reason: string } {
  const rest = text.slice('s3:'.length)
  const isUrl = /^https?:\/\//.test(rest)
  const [, scheme = 'https:', place = ''] = isUrl
    ? (/^(https?:)\/\/(.*)$/s.exec(rest) ?? [])
    : ['', 'https:', bare(rest)]
  const [host = '', bucket = '', ...path] = place.split('/')
  if (host === '' || !URL.canParse(`${scheme}//${host}`)) return { reason: 'it names no host' }
  const endpoint = new URL(`${scheme}//${host}`)
  if (endpoint.username !== '' || endpoint.password !== '') {
    return { reason: 'keys do not belong into it; they are taken from the environment' }
  }
  if (endpoint.search !== '' || endpoint.hash !== '') return { reason: 'it names no host' }
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{1,62}$/.test(bucket)) return { reason: 'it names no bucket' }
  // In a URL the path is escaped; restic undoes that, so the names in the bucket are the same.
  const prefix = cleaned(isUrl ? decoded(path.join('/')) : path.join('/'))
  if (/^\.\.(?:\/|$)/.test(prefix)) return { reason: 'its path leads out of the bucket' }
  const shown = [bucket, ...(prefix === '' ? [] : [prefix])].join('/')
  return {
    scheme: 's3',
    endpoint,
    bucket,
    prefix,
    display: `s3:${isUrl ? `${scheme}//` : ''}${endpoint.host}/${shown}`,
  }
}

function bare(place: string): string {
  return place.startsWith('//') ? place.slice(2) : place
}

function cleaned(path: string): string {
  const clean = posix.normalize(path).replace(/^\/+|\/+$/g, '')
  return clean === '.' ? '' : clean
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

/** Amazon's own service, where the host follows from the region of the bucket. */
function isAmazon({ hostname }: URL): boolean {
  return /(?:^|\.)amazonaws\.com(?:\.cn)?$/.test(hostname)
}

/** The host without a region, which stands for all of them. */
export function isAnyRegion({ hostname }: URL): boolean {
  return hostname === 's3.amazonaws.com'
}

/** `eu-central-1` of `s3.eu-central-1.amazonaws.com`. */
export function regionIn({ hostname }: URL): string | undefined {
  return /^s3[.-](?:dualstack\.|fips\.)?([a-z]{2}(?:-[a-z]+)+-\d+)\.amazonaws\.com(?:\.cn)?$/.exec(hostname)?.[1]
}

/** Whether the bucket is a part of the host name. Others than Amazon, Google and Alibaba mostly want it in the path. */
export function usesHostNames(endpoint: URL, lookup: 'auto' | 'dns' | 'path'): boolean {
  if (lookup !== 'auto') return lookup === 'dns'
  return isAmazon(endpoint) || /(?:^|\.)(?:storage\.googleapis|aliyuncs)\.com$/.test(endpoint.hostname)
}
