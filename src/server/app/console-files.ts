import { globSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/**
 * The web console, as the build has made it: static files. All of them are in memory from the start, so that no path that is
 * asked for ever reaches the disk, and a build that replaces them disturbs no page that is open.
 */
export interface ConsoleFiles {
  /** Which page it is the page itself finds out: a link to any of them leads to the one that is there. */
  readonly index: StaticFile
  /** By the path at which each is served. */
  readonly files: ReadonlyMap<string, StaticFile>
}

interface StaticFile {
  readonly type: string
  readonly bytes: Buffer
  /** Made when somebody first asks for it; undefined: it is packed already. */
  readonly packed: (() => Promise<Buffer>) | undefined
}

/** By extension: how it is sent, and whether it gets smaller by packing it. */
const types: Readonly<Record<string, readonly [type: string, isPacked: boolean]>> = {
  '.html': ['text/html; charset=utf-8', true],
  '.js': ['text/javascript; charset=utf-8', true],
  '.css': ['text/css; charset=utf-8', true],
  '.svg': ['image/svg+xml', true],
  '.md': ['text/markdown; charset=utf-8', true],
  '.woff2': ['font/woff2', false],
}

/** What the build names by its contents: under such a name there is never anything else. */
const namedByContents = '/assets/'

/** What other programs ask for: no page is there. */
const notPages = ['/api/', '/repo/', '/metrics', namedByContents]

/** Reads what the build has made; undefined: nothing was built. */
export function readConsole(folder: string): ConsoleFiles | undefined {
  const files = new Map<string, StaticFile>()
  for (const path of globSync('**/*.{html,js,css,svg,md,woff2}', { cwd: folder })) {
    files.set(`/${path.replaceAll('\\', '/')}`, readStatic(join(folder, path)))
  }
  const index = files.get('/index.html')
  return index && { index, files }
}

function readStatic(path: string): StaticFile {
  const [type = 'application/octet-stream', isPacked = false] = types[extname(path)] ?? []
  const bytes = readFileSync(path)
  let packing: Promise<Buffer> | undefined
  return { type, bytes, packed: isPacked ? async () => await (packing ??= promisify(gzip)(bytes)) : undefined }
}

export function addConsole(app: FastifyInstance, { index, files }: ConsoleFiles): void {
  for (const [path, file] of files) {
    app.get(path, async (request, reply) => await sendStatic(file, request, reply))
  }
  app.get('/', async (request, reply) => await sendStatic(index, request, reply))
}

/** Whether a call that no route answers is somebody who opens a page of the console. */
export function isPageCall({ method, url, headers: { accept = '' } }: FastifyRequest): boolean {
  return method === 'GET' && accept.includes('text/html') && !notPages.some((path) => url.startsWith(path))
}

/** Sends a file; what is named by its contents may be kept for ever, and of all else it is asked whether it is still so. */
export async function sendStatic(
  file: StaticFile,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const isFixed = request.url.startsWith(namedByContents)
  reply.type(file.type).header('cache-control', isFixed ? 'public, max-age=31536000, immutable' : 'no-cache')
  if (!file.packed) return await reply.send(file.bytes)
  reply.header('vary', 'accept-encoding')
  if (!String(request.headers['accept-encoding']).includes('gzip')) return await reply.send(file.bytes)
  return await reply.header('content-encoding', 'gzip').send(await file.packed())
}
