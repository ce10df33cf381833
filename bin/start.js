/* Loads the program: the built one where there is one, else its source. Runs only under a Node that is new enough. */
'use strict'

const { existsSync } = require('node:fs')
const { join } = require('node:path')
const { pathToFileURL } = require('node:url')

const root = join(__dirname, '..')
const built = join(root, 'dist', 'main.js')
const entry = existsSync(built) ? built : join(root, 'src', 'cli', 'main.ts')

void import(pathToFileURL(entry).href)
