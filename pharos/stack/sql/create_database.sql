create database pharos owner pharos_owner;
