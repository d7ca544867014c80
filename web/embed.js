// The stable address of the module for other pages: import { join } from 'https://…/embed.js'.

export * from './__APP__/join.js';
