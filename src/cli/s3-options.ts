import type { S3Options } from '#backend'

/** The details of `s3:` that `-o s3.NAME=VALUE` sets. */

interface S3Option {
  readonly value: string
  readonly description: string
  /** Undefined for a value that it cannot have. */
  readonly read: (value: string) => S3Options | undefined
}

const lookups = ['auto', 'dns', 'path'] as const

export const s3Options: Readonly<Record<string, S3Option>> = {
  'bucket-lookup': {
    value: lookups.join('|'),
    description: 'whether the bucket is named in the host or in the path',
    read: (value) => lookups.filter((one) => one === value).map((bucketLookup) => ({ bucketLookup }))[0],
  },
  region: {
    value: 'NAME',
    description: 'where the bucket lies (default: found out)',
    read: (region) => (/^[a-z0-9-]{1,50}$/i.test(region) ? { region } : undefined),
  },
  'storage-class': {
    value: 'NAME',
    description: 'how the service is to keep new files; archives only get contents',
    read: (storageClass) => (/^[A-Z0-9_]{1,50}$/.test(storageClass) ? { storageClass } : undefined),
  },
  retries: {
    value: 'N',
    description: 'how often a request is sent at once, before the usual retries',
    read: (value) => (/^[1-9]\d?$/.test(value) ? { retries: Number(value) } : undefined),
  },
  'list-objects-v1': {
    value: 'true|false',
    description: 'list files by the older call',
    read: (value) => when(value, (listObjectsV1) => ({ listObjectsV1 })),
  },
  'unsafe-anonymous-auth': {
    value: 'true|false',
    description: 'send no keys, for a bucket that is open to all',
    read: (value) => when(value, (anonymous) => ({ anonymous })),
  },
}

/** Go's words for yes and no. */
function when(value: string, make: (isOn: boolean) => S3Options): S3Options | undefined {
  if (/^(?:1|t|true)$/i.test(value)) return make(true)
  return /^(?:0|f|false)$/i.test(value) ? make(false) : undefined
}
