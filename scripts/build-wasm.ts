/**
 * Makes the committed .wasm files of their AssemblyScript sources. With `--check` it writes nothing and fails when a
 * committed file is not, byte for byte, what its source makes.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import asc from 'assemblyscript/asc'

const project = join(import.meta.dirname, '..')

const products = ['chunker', 'folder'].map((name) => ({
  source: `src/repository/format/assembly/${name}.ts`,
  wasm: `src/repository/format/${name}.wasm`,
}))

/** The products whose file is not what their source makes. */
export async function findStaleWasm(): Promise<string[]> {
  const stale: string[] = []
  for (const { source, wasm } of products) {
    if (!(await compile(source)).equals(readFileSync(join(project, wasm)))) stale.push(wasm)
  }
  return stale
}

export async function buildWasm(): Promise<void> {
  for (const { source, wasm } of products) writeFileSync(join(project, wasm), await compile(source))
}

async function compile(source: string): Promise<Buffer> {
  const folder = mkdtempSync(join(tmpdir(), 'understudy-wasm-'))
  try {
    const out = join(folder, 'out.wasm')
    // The memory is the caller's, of fixed size; nothing is allocated, so no runtime is needed.
    const how = ['-O3', '--converge', '--noAssert', '--runtime', 'stub', '--importMemory', '--initialMemory', '1']
    const stderr = asc.createMemoryStream()
    const { error } = await asc.main([join(project, source), ...how, '--outFile', out], { stderr })
    if (error) throw new Error(`${source} does not compile:\n${stderr.toString()}`, { cause: error })
    return readFileSync(out)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  if (process.argv.includes('--check')) {
    const stale = await findStaleWasm()
    for (const wasm of stale)
      process.stderr.write(`${wasm} is not what its source makes: run node scripts/build-wasm.ts\n`)
    process.exitCode = stale.length === 0 ? 0 : 1
  } else {
    await buildWasm()
  }
}
